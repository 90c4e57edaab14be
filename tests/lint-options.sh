#!/bin/sh
# lint-options.sh POSTERND MANUAL: the options the daemon knows and the options
# the manual describes are the same.
#
# `posternd -L` prints "section.option<TAB>type<TAB>default<TAB>help", and
# "option<TAB>..." for what stands outside of every section; other lines
# (without a tab) are not looked at.  In the manual an option is
# ".It Ic option" below ".Ss section"; the words of a nested section's heading
# are joined with dots: ".Ss backend pool" is "backend.pool".  Those outside of
# every section stand below ".Sh GLOBAL OPTIONS".

posternd=$1 manual=$2
[ -x "$posternd" ] || { echo "not run: no $posternd"; exit 0; }
[ -f "$manual" ] || { echo "not run: no $manual"; exit 0; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

if ! "$posternd" -L >"$tmp/list" 2>&1; then
	echo "$posternd:1: -L failed: $(head -1 "$tmp/list")"
	exit 1
fi
awk -F '\t' 'NF > 1 { print $1 }' "$tmp/list" | sort -u >"$tmp/program"
if [ ! -s "$tmp/program" ]; then
	echo "$posternd:1: -L lists no option"
	exit 1
fi
awk '
$1 == ".Sh" {
	section = ""
	options = $2 == "GLOBAL" && $3 == "OPTIONS"
}
$1 == ".Ss" {
	section = ""
	options = 1
	for (i = 2; i <= NF; i++)
		if ($i !~ /^(Ic|Cm|Nm|Li|Ar|Sy)$/)
			section = section $i "."
}
$1 == ".It" && $2 == "Ic" && options { print section $3, NR }
' "$manual" | sort -u >"$tmp/manual"
awk '{ print $1 }' "$tmp/manual" | sort -u >"$tmp/described"

comm -23 "$tmp/program" "$tmp/described" |
    sed "s,.*,$manual:1: option & is not described,"
comm -13 "$tmp/program" "$tmp/described" | while read -r o; do
	line=$(awk -v o="$o" '$1 == o { print $2; exit }' "$tmp/manual")
	echo "$manual:$line: $o is described, but posternd has no such option"
done
