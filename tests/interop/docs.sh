#!/bin/sh
# docs.sh: the filters and the backend that docs/adding-a-*.md show are taken out of
# the documents, built in a copy of the tree, and their transcripts are played.
#
# A block of a document that is a file has its name behind the language; one of
# "diff" has lines for a table: a declaration, and what goes in front of NULL.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

make=
for _m in gmake make; do
	if [ -z "$make" ] && $_m --version 2>/dev/null | grep -q GNU; then
		make=$_m
	fi
done
[ -n "$make" ] || {
	not_run docs "no GNU make"
	finish
}
# What was built last is built on, with its compiler: a copy keeps the times.
# shellcheck disable=SC2012 # our own names
obj=$(ls -td "$BUILD"/obj-*/ 2>/dev/null | head -n 1)
[ -n "$obj" ] || {
	not_run docs "nothing is built in $BUILD"
	finish
}
name=$(basename "$obj")
cc=$(echo "${name#obj-}" | sed 's/-werror$//; s/_/ /g')
case $name in *-werror) werror=1 ;; *) werror= ;; esac

tree=$tmp/tree
mkdir -p "$tree/build"
for part in GNUmakefile gateway filters backends ctl bench etc rc man tests \
    .clang-format; do
	cp -Rp "$top/$part" "$tree/"
done
cp -Rp "${obj%/}" "$tree/build/"
built() {
	(cd "$tree" && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u SAN "$make" \
	    --no-print-directory CC="$cc" WERROR=$werror "$@")
}

# extract DOCUMENT: its files into the tree; their names in $tmp/files
extract() {
	: >"$tmp/files"
	awk -v tree="$tree" -v files="$tmp/files" '
		/^```/ && inside { inside = 0; close(to); next }
		/^```/ && NF > 1 {
			inside = 1
			to = tree "/" $2 ($1 == "```diff" ? ".new" : "")
			print $2 >files
			if (made[to]++ == 0)
				printf "" >to
			next
		}
		inside { print >>to }' "$1"
}

# enter TABLE: the lines that a document has for it
enter() {
	[ -f "$tree/$1.new" ] || return 0
	awk -v table="$tree/$1" '
		{ sub(/^\+/, "") }
		/^extern/ { decl = decl $0 "\n"; next }
		{ row = row "\t" $0 "\n" }
		END {
			while ((getline line <table) > 0) {
				if (line ~ /^const struct .*s\[\] = \{/) {
					printf "%s", decl
					inside = 1
				}
				if (inside && line ~ /NULL( }|,)/) {
					printf "%s", row
					inside = 0
				}
				print line
			}
		}' "$tree/$1.new" >"$tree/table" && mv "$tree/table" "$tree/$1"
	rm "$tree/$1.new"
}

for doc in adding-a-filter adding-a-backend; do
	extract "$top/docs/$doc.md"
	at_least "$doc: it has files" "$(sort -u "$tmp/files" | wc -l)" 3
	enter filters/filters.c
	enter backends/backends.c
	cp "$tmp/files" "$tmp/$doc.files"
done
check "what they show is built" built build/tests/play posternd
lacks "without a warning" "$_out" 'warning:'

[ ! -x "$tree/build/tests/play" ] || for doc in adding-a-filter adding-a-backend; do
	for file in $(sort -u "$tmp/$doc.files"); do
		case $file in
		*.smtp)
			check "$doc: $file" "$tree/build/tests/play" \
			    "$tree/$file"
			;;
		*/filters.c | */backends.c) ;;
		*.c)
			base=$(basename "$file" .c)
			matches "$doc: posternd -L knows $base" \
			    "$("$tree/build/posternd" -L)" "(^| )$base( |:|$)"
			! have clang-format || check "$doc: $file has our style" \
			    clang-format --dry-run -Werror "$tree/$file"
			;;
		esac
	done
done

# README.md has a line for each filter, and no other, and links to what is there.
equal "README.md: its table has the filters that there are" \
    "$(sed -n '/^## Filters/,/^## /s/^| `\([a-z-]*\)` .*/\1/p' "$top/README.md")" \
    "$(sed -n 's/^extern const struct filter filter_\(.*\);/\1/p' \
	"$top/filters/filters.c" | tr _ - | LC_ALL=C sort)"
for doc in README.md CONTRIBUTING.md docs/adding-a-filter.md \
    docs/adding-a-backend.md; do
	missing=
	for link in $(grep -o '](\([^)#:]*\))' "$top/$doc" | sed 's/^](//; s/)$//'); do
		[ -e "$top/$(dirname "$doc")/$link" ] || missing="$missing $link"
	done
	equal "$doc: its links lead somewhere" "$missing" ""
done

# A transcript that could not fail would show nothing.
[ ! -x "$tree/build/tests/play" ] || for change in \
    's/^S: 550 5.7.1 we/S: 250 2.0.0 we/ words' 's/spf1/spf2/ published' \
    's/^B1< 240/B1< 441/ news'; do
	script=$tree/tests/scripts/${change##* }.smtp
	sed "${change% *}" "$script" >"$script.new" && mv "$script.new" "$script"
	if "$tree/build/tests/play" "$script" >/dev/null 2>&1; then
		not_ok "${change##* }.smtp can fail"
	else
		ok "${change##* }.smtp can fail"
	fi
done
finish
