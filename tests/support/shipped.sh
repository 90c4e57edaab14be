# shellcheck shell=sh disable=SC2034,SC2154,SC2317
# shipped.sh: the configurations of etc/ as they are installed, with nothing but
# addresses, ports and paths exchanged.  Sourced behind peers.sh.
#
#	shipped FILE [OLD NEW]...	into $tmp/FILE; each OLD has to be in it
#	shipped_gateway NAME		shipped NAME.conf, by then in $tmp, runs; -n
#					has nothing to say of it
#	dovecot_of FILE			what its comment wants of Dovecot
#	letter FROM TO >FILE		a message that is easily damaged
#	arrives NAME FILE COMMAND...	what COMMAND prints ends with the message of
#					FILE, octet by octet
#	refused NAME PORT FILTER REPLY REASON ARGS...
#					swaks with ARGS hears REPLY, and the log has
#					that FILTER refused, for REASON
#	stop_well PID			posternd

shipped() {
	_file=$1
	shift
	cp "$top/etc/$_file" "$tmp/$_file"
	while [ $# -gt 0 ]; do
		case $1 in
		*/* | *:[0-9]* | [0-9]*.[0-9]*) ;;
		*) not_ok "$_file: \"$1\" is no address and no path" ;;
		esac
		grep -qF -e "$1" "$tmp/$_file" || not_ok "$_file has no \"$1\""
		OLD=$1 NEW=$2 perl -pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/g' "$tmp/$_file"
		shift 2
	done
}

# The user is one that is here.
shipped_gateway() {
	sed '/^user /d' "$tmp/$1.conf" >"$tmp/$1.shipped"
	gateway "$1" <"$tmp/$1.shipped" || return 1
	equal "etc/$1.conf: -n is content" \
	    "$("$POSTERND" -n -f "$gw_conf" 2>&1)" "configuration is good"
}

dovecot_of() {
	sed -n '/^#	service /,/^#	}/s/^#	//p' "$top/etc/$1" |
	    sed "s/_postern/$(id -gn "$mail_user")/"
}

letter() {
	cat <<-END
	From: Sender <$1>
	To: <$2>
	Subject: =?utf-8?Q?gr=C3=BC=C3=9Fe?=
	Date: $(date -u '+%a, %d %b %Y %H:%M:%S +0000')
	Message-ID: <$$.$2>
	X-Folded: one
	 two
	MIME-Version: 1.0
	Content-Type: text/plain; charset=utf-8
	Content-Transfer-Encoding: 8bit

	.
	..
	.dot
	END
	awk 'BEGIN {
		printf "gr\303\274\303\237e \360\237\220\230 \377\376\200\n"
		for (i = 0; i < 990; i++) printf "x"
		print ""
		print "From here on  "; print ""; print "the end"
	}'
}

arrives() {
	_what=$1 _sent=$2
	shift 2
	"$@" | tr -d '\r' | sed -n '/^From: Sender/,$p' >"$tmp/arrived"
	# swaks puts an empty line behind it.
	echo | cat "$_sent" - >"$tmp/sent"
	check "$_what" cmp "$tmp/sent" "$tmp/arrived"
}

refused() {
	_what=$1 _to=$2 _filter=$3 _reply=$4 _reason=$5
	shift 5
	_lines=$(grep -c . "$gw_log")
	swaks_to "$_to" "$@"
	matches "$_what is refused" "$swaks_out" "^<(\*\*|~\*) $_reply"
	check "$_what: the log says by which filter and why" wait_until 5 \
	    logged "$_lines" "filter=$_filter .*$_reason"
}
logged() { tail -n +$(($1 + 1)) "$gw_log" | grep -Eq -e "$2"; }

stop_well() {
	stop "$1"
	equal "posternd ends well" "$code" 0
}
