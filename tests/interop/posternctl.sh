#!/bin/sh
# posternctl.sh: the control socket of a running posternd, command by command.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl
perl -MJSON::PP -e 1 2>/dev/null || {
	not_run posternctl "perl has no JSON::PP"
	finish
}

POSTERNCTL=$BUILD/posternctl
socket=$tmp/ctl/control.sock
# ctl ARGS...: its output in $said and $errors, its exit code in $code
ctl() {
	code=0
	said=$("$POSTERNCTL" -s "$socket" "$@" 2>"$tmp/errors") || code=$?
	errors=$(cat "$tmp/errors")
}
# json EXPRESSION ARGS...: of what posternctl prints with these and --json, $j
json() {
	_expr=$1
	shift
	"$POSTERNCTL" --json -s "$socket" "$@" 2>/dev/null |
	    perl -MJSON::PP -e '
		local $/;
		my $j = decode_json(<STDIN>);
		print "", '"$_expr"', "\n"' 2>&1
}
# of SERVER KEY: of backends
of() { json "(grep { \$_->{server} eq '$1' } @\$j)[0]->{$2}" backends; }

for n in 1 2; do
	must sink "s$n" --received "$tmp/s$n.received"
	eval "s${n}_pid=\$sink_pid s${n}_port=\$sink_port"
done
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
drain    = 5s
admin { control = "$socket" }
listen mx { address = {"127.0.0.1:@PORT1@"} }
listen other { address = {"127.0.0.1:@PORT2@"} }
backend store {
	protocol = smtp
	server a { address = "127.0.0.1:$s1_port" }
	server b { address = "127.0.0.1:$s2_port" }
	server c { address = "127.0.0.1:@PORT3@"  drain = yes }
}
route store { rcpt-domain = {"example.org"}  backend = store }
END
mx=$port1

# --- the socket ---------------------------------------------------------------

equal "the socket is for its owner alone" \
    "$(find "$socket" -perm 600)" "$socket"
equal "and so is its directory" "$(find "$tmp/ctl" -prune -perm 700)" "$tmp/ctl"
chmod 755 "$tmp/ctl"
if [ "$(id -u)" -eq 0 ] && have su && id nobody >/dev/null 2>&1; then
	cp "$POSTERNCTL" "$tmp/posternctl"
	chmod 755 "$tmp/posternctl"
	code=0
	su nobody -s /bin/sh -c "$tmp/posternctl -s $socket status" \
	    >"$tmp/su.log" 2>&1 || code=$?
	equal "another user may not ask, even where the directory lets him: 77" \
	    "$code" 77
	matches "and is told why" "$(cat "$tmp/su.log")" 'Permission denied'
else
	not_run "another user may not ask" "not root"
fi

# --- status, backends, drain, enable ------------------------------------------

ctl status
equal "status: exit code" "$code" 0
matches "status: it runs" "$said" '^state +running$'
equal "status --json: the master's pid" "$(json '$j->{pid}' status)" "$gw_pid"
equal "--json may stand at the end" \
    "$("$POSTERNCTL" -s "$socket" status --json | cut -c 1-18)" \
    '{"state":"running"'

ctl backends
equal "backends: a line for each server, below the titles" \
    "$(printf '%s\n' "$said" | awk 'END { print NR }')" 4
matches "backends: the titles" "$said" '^server +address +state +for +links'
equal "backends --json: an address" "$(of store/a address)" "127.0.0.1:$s1_port"
equal "a server is up" "$(of store/a state)" up
gen -n 20 -c 4 "127.0.0.1:$mx"
at_least "connections are counted" "$(of store/a opened)" 1

ctl drain store/a
equal "drain: exit code" "$code" 0
equal "it is seen" "$(of store/a state)" draining
at_most "and since when" "$(of store/a for)" 20000
before=$(awk 'END { print NR }' "$tmp/s1.received")
gen -n 40 -c 4 --first 1001 "127.0.0.1:$mx"
equal "all mail goes through" "$(field ok "$gen_out")" 40
equal "and nothing to the drained server" \
    "$(awk 'END { print NR }' "$tmp/s1.received")" "$before"
ctl enable store/a
equal "enable: exit code" "$code" 0
equal "it is up again" "$(of store/a state)" up
gen -n 40 -c 4 --first 2001 "127.0.0.1:$mx"
at_least "and is used" "$(awk 'END { print NR }' "$tmp/s1.received")" \
    $((before + 1))
ctl enable store/c
equal "enable, but drained by the configuration: exit code" "$code" 69
matches "and it is said" "$errors" 'drain = yes'
ctl drain store/x
equal "drain, no such server: exit code" "$code" 65
equal "--json of a failure: the code" "$(json '$j->{code}' drain store/x)" 65
for words in "" "stat" "status now" "drain" "log loud" "transcript nobody"; do
	# shellcheck disable=SC2086 # words
	ctl $words
	equal "posternctl $words: exit code" "$code" 64
done
code=0
"$POSTERNCTL" -s "$tmp/none" status >/dev/null 2>&1 || code=$?
equal "nobody listens: exit code" "$code" 69

# --- what others than posternctl may send -------------------------------------

# raw PERL-STRING: what comes back
raw() {
	perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(
		Peer => $ARGV[0]) or die; alarm 20;
	    print $s eval qq("$ARGV[1]"); $s->flush; print <$s>' "$socket" "$1" 2>&1
}
matches "a line that is no request" "$(raw 'GET / HTTP/1.1\r\n')" \
    '^end.code#64.text=not a request'
matches "too much" "$(raw '".("x" x 5000)."')" 'text=the request is too long'
matches "a second request is not read" "$(raw 'status\nstatus\n')" \
    '^end.code#0'
ctl status
equal "it still serves" "$code" 0

# --- log ----------------------------------------------------------------------

ctl log debug
equal "log: exit code" "$code" 0
equal "log: the level" "$(json '$j->{level}." ".$j->{configured}' status)" \
    "debug info"
ctl log error
gen -n 1 --first 3001 "127.0.0.1:$mx"
equal "log error: no record of a message" \
    "$(grep -c 'event=mail.*result=accepted' "$gw_log")" 100
ctl log configured
gen -n 1 --first 3002 "127.0.0.1:$mx"
check "log configured: the next one has one" wait_until 5 \
    sh -c "[ \$(grep -c 'event=mail.*result=accepted' '$gw_log') -eq 101 ]"

# --- reload -------------------------------------------------------------------

cp "$gw_conf" "$tmp/good.conf"
ctl drain store/b
sed 's/^listen other/listen third/' "$tmp/good.conf" >"$gw_conf"
ctl reload
equal "reload, a good file: exit code" "$code" 0
equal "the operator's drain is not forgotten" "$(of store/b state)" draining
sed 's/^workers.*/workers = many/' "$tmp/good.conf" >"$gw_conf"
line=$(grep -n '^workers' "$gw_conf" | cut -d : -f 1)
ctl reload
equal "reload, a bad file: exit code" "$code" 78
matches "the mistake is shown with its line" "$errors" "^$gw_conf:$line: .*many"
equal "reload --json, a bad file: the code" "$(json '$j->{code}' reload)" 78
matches "and the line" "$(json '$j->{notes}' reload)" "gw.conf:$line: "
gen -n 4 --first 4001 "127.0.0.1:$mx"
equal "nothing has changed" "$(field ok "$gen_out")" 4
cp "$tmp/good.conf" "$gw_conf"
ctl enable store/b
ctl reload
equal "reload, the first file: exit code" "$code" 0

# --- stop ---------------------------------------------------------------------

stop "$gw_pid"
equal "posternd ends well" "$code" 0
check "the socket goes with it" test ! -e "$socket"
# A directory that is not its own.
mkdir -m 777 "$tmp/open"
chmod 777 "$tmp/open"
sed "s,$socket,$tmp/open/sock," "$tmp/good.conf" >"$tmp/open.conf"
run refused "$POSTERND" -d -f "$tmp/open.conf"
wait_until 10 gone_or_zombie "$pid"
code=0
wait "$pid" || code=$?
forget "$pid"
equal "a directory that others can write to: posternd refuses" "$code" 71
matches "and says why" "$(cat "$tmp/refused.log")" 'others can write to it'
# What was left by one that was killed.
run killed "$POSTERND" -d -f "$tmp/good.conf"
must wait_until 10 test -S "$socket"
wait_until 10 "$POSTERNCTL" -s "$socket" status
# shellcheck disable=SC2046 # words
kill -KILL "$pid" $(kids "$pid")
wait "$pid" 2>/dev/null
forget "$pid"
check "a killed posternd leaves its socket" test -S "$socket"
ctl status
equal "nobody answers there" "$code" 69
run again "$POSTERND" -d -f "$tmp/good.conf"
check "the next one takes its place" wait_until 10 \
    "$POSTERNCTL" -s "$socket" status
stop "$pid"
finish
