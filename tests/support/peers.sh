# shellcheck shell=sh disable=SC2034,SC2119,SC2120
# peers.sh: what the scripts of tests/interop and tests/faults share.  Sourced
# with `. "$(dirname "$0")/../support/peers.sh"`; then $tmp is a directory of
# the script's own, and whatever it started ends with it.
#
#	ok NAME | not_ok NAME [DETAIL] | not_run NAME REASON
#	check NAME COMMAND...		ok if COMMAND succeeds
#	equal NAME GOT WANTED		ok if they are the same
#	matches NAME TEXT ERE		ok if a line of TEXT matches
#	have PROGRAM...			all are there; else says which not
#	wait_until SECONDS COMMAND...	polls
#	run NAME COMMAND...		in the background; pid in $pid
#	stop PID			TERM, then KILL
#	free_port			prints one
#	listens PORT			does somebody?
#	gateway NAME <CONF		posternd -d; $gw_pid $gw_log $gw_conf,
#					@PORT1@... in CONF become $port1...;
#					without per-client in it, clients are
#					not limited: they all come from here
#	sink NAME ARGS...		smtpsink; $sink_pid $sink_port $sink_log
#	wire ARGS...			perl, with tests/support/wire.pm
#	wire_sink NAME ARGS...		its server; $wire_port, messages in $tmp/NAME
#	gen ARGS...			smtpgen; its summary in $gen_out
#	cert NAME DAYS [CA]		$tmp/NAME.crt and .key
#	client PORT ARGS...		openssl s_client; all it printed in $said
#	field NAME TEXT			value of NAME=VALUE in TEXT
#	finish				the closing line, and the exit code
#
# The servers are in dovecot.sh, haproxy.sh, postfix.sh, rspamd.sh, unbound.sh
# beside it.

set -u
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/pkg/sbin
export PATH

top=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
BUILD=${BUILD:-$top/build}
POSTERND=${POSTERND:-$BUILD/posternd}
SMTPGEN=$BUILD/bench/smtpgen
SMTPSINK=$BUILD/bench/smtpsink
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
# shellcheck disable=SC2034 # for the scripts
self_name=${self##*/}

passed=0 failed=0 notrun=0
children=
tmp=$(mktemp -d "${TMPDIR:-/tmp}/postern-peers.XXXXXX") || exit 1
tmp=$(cd "$tmp" && pwd -P) || exit 1
# Workers run as somebody else when root started them, and have to get in.
chmod 755 "$tmp"

# --- results ------------------------------------------------------------------

ok() {
	passed=$((passed + 1))
	echo "ok - $1"
}

# The details are indented: they are no results.
not_ok() {
	failed=$((failed + 1))
	echo "not ok - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | tail -n 25 | sed 's/^/    /'
}

not_run() {
	notrun=$((notrun + 1))
	echo "not run - $1 ($2)"
}

check() {
	_name=$1
	shift
	if _out=$("$@" 2>&1); then
		ok "$_name"
	else
		not_ok "$_name" "failed: $*
$_out"
	fi
}

equal() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got:    $2
wanted: $3"
	fi
}

matches() {
	if printf '%s\n' "$2" | grep -Eq -e "$3"; then
		ok "$1"
	else
		not_ok "$1" "nothing matches $3 in:
$2"
	fi
}

lacks() {
	if printf '%s\n' "$2" | grep -Eq -e "$3"; then
		not_ok "$1" "$3 is in:
$2"
	else
		ok "$1"
	fi
}

# at_most NAME GOT LIMIT, at_least NAME GOT LIMIT
at_most() {
	if [ "${2:-x}" -le "$3" ] 2>/dev/null; then
		ok "$1"
	else
		not_ok "$1" "got ${2:-nothing}, at most $3 wanted"
	fi
}

at_least() {
	if [ "${2:-x}" -ge "$3" ] 2>/dev/null; then
		ok "$1"
	else
		not_ok "$1" "got ${2:-nothing}, at least $3 wanted"
	fi
}

# have PROGRAM...: names what is missing in $missing
have() {
	missing=
	for _p; do
		command -v "$_p" >/dev/null 2>&1 || missing="$missing $_p"
	done
	missing=${missing# }
	[ -z "$missing" ]
}

# need PROGRAM...: without them the whole script is not run
need() {
	have "$@" && return 0
	not_run "${self_name%.sh}" "missing: $missing"
	finish
}

finish() {
	_line="$passed passed, $failed failed"
	[ "$notrun" -eq 0 ] || _line="$_line, $notrun not run"
	# With KEEP=1 the directory stays, for whoever looks for the cause.
	end_all
	echo "$_line"
	finished=1
	[ "$failed" -eq 0 ] || exit 1
	exit 0
}

# --- processes ----------------------------------------------------------------

alive() { kill -0 "$1" 2>/dev/null; }
gone() { ! alive "$1"; }

# wait_until SECONDS COMMAND...: a poll every 20 ms
wait_until() {
	_left=$(($1 * 50))
	shift
	while ! "$@" >/dev/null 2>&1; do
		_left=$((_left - 1))
		[ $_left -gt 0 ] || return 1
		sleep 0.02
	done
}

# run NAME COMMAND...: output goes to $tmp/NAME.log
run() {
	_log=$tmp/$1.log
	shift
	"$@" >"$_log" 2>&1 </dev/null &
	pid=$!
	children="$children $pid"
}

forget() {
	_rest=
	for _c in $children; do
		[ "$_c" = "$1" ] || _rest="$_rest $_c"
	done
	children=$_rest
}

# stop PID: the exit code in $code
stop() {
	kill -TERM "$1" 2>/dev/null
	wait_until 30 gone_or_zombie "$1" || kill -KILL "$1" 2>/dev/null
	code=0
	wait "$1" 2>/dev/null || code=$?
	forget "$1"
}

# kill9 PID...
kill9() {
	for _k; do
		kill -KILL "$_k" 2>/dev/null
		wait "$_k" 2>/dev/null
		forget "$_k"
	done
}

# A child that ended is a zombie until wait; kill -0 still finds it.
gone_or_zombie() {
	kill -0 "$1" 2>/dev/null || return 0
	_state=$(ps -o stat= -p "$1" 2>/dev/null) || return 1
	case $_state in *Z* | "") return 0 ;; esac
	return 1
}

# kids PID: the pids of its children
kids() { ps -A -o pid= -o ppid= | awk -v p="$1" '$2 == p { print $1 }'; }

# memory_of PID...: of all together in KiB.  What they share counts once (Linux),
# else resident pages.
memory_of() {
	for _m; do
		if [ -r "/proc/$_m/smaps_rollup" ]; then
			sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "/proc/$_m/smaps_rollup"
		else
			ps -o rss= -p "$_m"
		fi
	done | awk '{ s += $1 } END { print s + 0 }'
}

# cpu_of PID...: their processor time so far, in 1/100 s (Linux), else seconds
cpu_of() {
	if [ -r "/proc/$1/stat" ]; then
		for _c; do
			sed 's/.*) //' "/proc/$_c/stat" 2>/dev/null
		done | awk '{ s += $12 + $13 } END { print s + 0 }'
	else
		for _c; do ps -o time= -p "$_c"; done |
		    awk -F: '{ s += ($(NF - 1) * 60 + $NF) * 100 }
			END { print int(s) }'
	fi
}

end_all() {
	for _c in $children; do
		kill -TERM "$_c" 2>/dev/null
	done
	for _c in $children; do
		wait_until 5 gone_or_zombie "$_c" || kill -KILL "$_c" 2>/dev/null
		wait "$_c" 2>/dev/null
	done
	children=
	at_end
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $tmp" >&2
	else
		rm -rf "$tmp"
	fi
}

# What a script has to undo besides; it defines its own.
at_end() { :; }

finished=0
on_exit() {
	[ $finished -eq 0 ] || return
	end_all
	echo "not ok - ${self_name%.sh}: it ended before its end"
	echo "$passed passed, $((failed + 1)) failed"
	exit 1
}
trap on_exit EXIT
trap 'exit 1' HUP INT TERM

# --- ports, files -----------------------------------------------------------------

free_port() { "$SMTPSINK" --port-only "${1:-127.0.0.1}:0"; }

# listens PORT
# shellcheck disable=SC2016 # perl's variables
listens() {
	perl -MIO::Socket::INET -e '
		exit !IO::Socket::INET->new(PeerAddr => $ARGV[0])' "127.0.0.1:$1"
}

# field NAME TEXT: of the last NAME=VALUE
field() {
	printf '%s\n' "$2" | tr ' ' '\n' | sed -n "s/^$1=//p" | tail -n 1
}

# record FILE ID: the mail record of a transaction; waits for it
record() {
	wait_until 5 grep -q "event=mail id=$2 " "$1" || return 1
	grep "event=mail id=$2 " "$1"
}

# key NAME RECORD: of a record, without quotes
key() {
	printf '%s\n' "$2" |
	    sed -n "s/.* $1=\"\(\([^\"\\\\]\|\\\\.\)*\)\".*/\1/p; t
		s/.* $1=\([^ \"]*\).*/\1/p" | tail -n 1
}

# --- postern ------------------------------------------------------------------------

# For a configuration: not as root where that can be had.  Who is root only in
# a namespace of his own has nobody else to become.
user_line() {
	[ "${POSTERN_NAMESPACE:-}" != user ] || return 0
	[ "$(id -u)" -ne 0 ] || ! id nobody >/dev/null 2>&1 ||
	    echo "user = nobody"
}

# gateway NAME: starts posternd with the configuration on stdin.  A port may
# be taken between its choice and its use, hence the loop.
gateway() {
	gw_name=$1
	gw_conf=$tmp/$1.conf
	gw_log=$tmp/$1.log
	cat >"$gw_conf.in"
	_limits='per-client = 0  rate = ""'
	! grep -q per-client "$gw_conf.in" || _limits=
	mkdir -p "$tmp/spool"
	chmod 1777 "$tmp/spool"
	for _try in 1 2 3 4 5; do
		port1=$(free_port) port2=$(free_port) port3=$(free_port)
		{
			user_line
			grep -q '^drain' "$gw_conf.in" || echo "drain = 2s"
			grep -q '^spool' "$gw_conf.in" ||
			    echo "spool { directory = \"$tmp/spool\" }"
			grep -q '^[[:space:]]*limits' "$gw_conf.in" ||
			    echo "limits { $_limits }"
			sed "s/@PORT1@/$port1/g; s/@PORT2@/$port2/g
			    s/@PORT3@/$port3/g
			    s/^[[:space:]]*limits *{/& $_limits /" \
			    "$gw_conf.in"
		} >"$gw_conf"
		run "$1" "$POSTERND" -d -f "$gw_conf"
		gw_pid=$pid
		gw_log=$tmp/$gw_name.log
		# Behind this line the sockets are there.
		wait_until 10 gw_started_or_not
		if grep -q 'posternd starts' "$gw_log"; then
			return 0
		fi
		stop "$gw_pid"
		grep -qi 'in use' "$gw_log" || break
	done
	echo "posternd does not start:"
	cat "$gw_log"
	return 1
}
gw_started_or_not() {
	grep -q 'posternd starts' "$gw_log" || gone_or_zombie "$gw_pid"
}

# must COMMAND...: without it there is nothing to test
must() {
	"$@" && return 0
	not_ok "${self_name%.sh}: can not go on" "failed: $*"
	finish
}

# sink NAME ARGS...: an smtpsink; the address is the last argument or a port
# of the kernel's choice
sink() {
	_name=$1
	shift
	sink_log=$tmp/$_name.log
	rm -f "$tmp/$_name.port"
	case ${*:-} in
	*127.0.0.1:* | *unix:*) ;;
	*) set -- "$@" 127.0.0.1:0 ;;
	esac
	run "$_name" "$SMTPSINK" --count --port-file "$tmp/$_name.port" "$@"
	sink_log=$tmp/$_name.log
	sink_pid=$pid
	wait_until 10 test -s "$tmp/$_name.port" || {
		cat "$sink_log"
		return 1
	}
	sink_port=$(cat "$tmp/$_name.port")
}

# sink_end PID LOG: stops it; its counts in $sink_out
sink_end() {
	stop "$1"
	sink_out=$(grep '^sink ' "$2" | tail -n 1)
}

# sink_now PID LOG: its counts so far in $sink_out
sink_now() {
	_before=$(grep -c '^sink ' "$2")
	kill -USR1 "$1"
	wait_until 5 more_lines "$2" "$_before"
	sink_out=$(grep '^sink ' "$2" | tail -n 1)
}
more_lines() { [ "$(grep -c '^sink ' "$1")" -gt "$2" ]; }

# wire ARGS...: perl with tests/support/wire.pm
wire() { perl -I"$top/tests/support" "$@"; }

# wire_sink NAME ARGS...: a server that keeps messages as they are
wire_sink() {
	_name=$1
	shift
	mkdir -p "$tmp/$_name"
	run "$_name" perl -I"$top/tests/support" -Mwire \
	    -e 'wire::serve(@ARGV)' port_file "$tmp/$_name.port" \
	    dir "$tmp/$_name" "$@"
	wait_until 10 test -s "$tmp/$_name.port" || return 1
	wire_port=$(cat "$tmp/$_name.port")
}

# gen ARGS...: smtpgen to its end
gen() {
	gen_code=0
	gen_all=$("$SMTPGEN" "$@" 2>&1) || gen_code=$?
	gen_out=$(printf '%s\n' "$gen_all" | grep '^gen ')
}

# missing_from ACKED RECEIVED...: how many acknowledged numbers nobody has
missing_from() {
	sort "$1" >"$tmp/acked.sorted"
	shift
	cat "$@" | cut -d ' ' -f 1 | sort -u >"$tmp/received.sorted"
	comm -23 "$tmp/acked.sorted" "$tmp/received.sorted" | awk 'END { print NR }'
}

# twice RECEIVED...: how many deliveries were repeated
twice() { cat "$@" | cut -d ' ' -f 1 | sort | uniq -d | awk 'END { print NR }'; }

# sessions_of PORT: connections of clients that the gateway has at this port
swaks_to() {
	_port=$1
	shift
	swaks_code=0
	swaks_out=$(swaks --server "127.0.0.1:$_port" --helo client.example.net \
	    --from sender@example.net --timeout 20 "$@" 2>&1 </dev/null) ||
	    swaks_code=$?
}

# cert NAME DAYS [CA]: NAME.crt and NAME.key, signed by CA or by itself
cert() {
	openssl req -newkey rsa:2048 -nodes -keyout "$tmp/$1.key" \
	    -out "$tmp/$1.csr" -subj "/CN=$1.example.org" \
	    -addext "subjectAltName=DNS:$1.example.org" >/dev/null 2>&1 &&
	if [ $# -gt 2 ]; then
		openssl x509 -req -in "$tmp/$1.csr" -days "$2" \
		    -CA "$tmp/$3.crt" -CAkey "$tmp/$3.key" -CAcreateserial \
		    -out "$tmp/$1.crt" >/dev/null 2>&1
	else
		openssl req -x509 -key "$tmp/$1.key" -in "$tmp/$1.csr" \
		    -days "$2" -out "$tmp/$1.crt" \
		    -addext "subjectAltName=DNS:$1.example.org" >/dev/null 2>&1
	fi
}

# client PORT ARGS...: s_client says EHLO and QUIT, and $SAY in between
client() {
	_port=$1
	shift
	said=$(perl "$top/tests/support/s_client.pl" \
	    -connect "127.0.0.1:$_port" "$@" 2>&1)
}

# talk PORT: the lines of stdin as commands, each behind the reply to the one
# before; lines behind DATA up to a lone dot go out together.  Everything is in
# $talk_out, lines of ours with "C: ".  Wants perl.
talk() {
	# shellcheck disable=SC2016 # perl's variables
	talk_out=$(perl -MIO::Socket::INET -e '
		binmode STDIN; binmode STDOUT;
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]",
		    Timeout => 10) or die "connect: $!";
		local $SIG{ALRM} = sub { die "no reply in time\n" };
		my $l = "";
		sub hear {
			alarm 30;
			do { defined($l = <$s>) or die "closed\n"; print $l }
			    while $l =~ /^\d{3}-/;
		}
		hear();
		while (<STDIN>) {
			chomp; print "C: $_\n"; print $s "$_\r\n";
			hear();
			next unless $l =~ /^354/;
			while (<STDIN>) { chomp; print $s "$_\r\n"; last if $_ eq "."; }
			hear();
		}' "$1" 2>&1) || :
}

# id_of TEXT: the transaction's id in a reply to a message
id_of() {
	printf '%s\n' "$1" | sed -n 's/.*\[\([0-9a-z]\{13,\}[^]]*\)\]\r\{0,1\}$/\1/p' |
	    tail -n 1
}
