#!/bin/sh
# stop.sh: what TERM means to each kind of client, to the service manager, and
# what becomes of a worker that does not answer any more.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl

POSTERNCTL=$BUILD/posternctl
socket=$tmp/ctl/control.sock
of() { "$POSTERNCTL" -s "$socket" status 2>/dev/null | sed -n "s/^$1  *//p"; }
equal "drain is 20 s unless the configuration says otherwise" \
    "$("$POSTERND" -L | awk -F '\t' '$1 == "drain" { print $3 }')" 20s

# A service manager: a line for each message.
NOTIFY_SOCKET=$tmp/notify
export NOTIFY_SOCKET
run manager perl -MIO::Socket::UNIX -e '$| = 1;
	my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die;
	chmod 0777, $ARGV[0];
	print "$_\n" while defined $s->recv($_, 1000)' "$NOTIFY_SOCKET"
wait_until 5 test -S "$NOTIFY_SOCKET"
told() { tr '\n' ' ' <"$tmp/manager.log"; }

must sink sink
start() {
	must gateway "$1" <<-END
	hostname = "gw.example.org"
	workers  = 2
	drain    = ${2}s
	admin { control = "$socket" }
	listen mx { address = {"127.0.0.1:@PORT1@"} }
	backend store { protocol = smtp
		server a { address = "127.0.0.1:$sink_port" } }
	route store { rcpt-domain = {"example.org"}  backend = store }
	END
}
# talk NAME PERL: a client; what it prints is in $tmp/NAME.log
talk() {
	run "$1" perl -I"$top/tests/support" -Mwire -e '$| = 1;
		sub go { sleep 1 until -e "$ARGV[1]" }
		my $c = wire->to("127.0.0.1:$ARGV[0]"); $c->hello;
		'"$2" "$port1" "$tmp/go"
	eval "$1_pid=\$pid"
}
hears() { grep -q -e "$2" "$tmp/$1.log"; }
begun='$c->ask("MAIL FROM:<a\@example.net>", 250);
    $c->ask("RCPT TO:<u\@example.org>", 250); print "begun\n";'
refuses() { ! perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(
	PeerAddr => $ARGV[0], Timeout => 5)' "127.0.0.1:$port1"; }

# --- TERM ------------------------------------------------------------------------

start gw 6
talk idle 'print "begun\n"; go; $c->put("NOOP\r\n"); print $c->rest'
talk quits 'print "begun\n"; go; $c->put("QUIT\r\n"); print $c->rest'
talk busy "$begun"' go; $c->ask("DATA", 354);
    $c->put("Subject: x\r\n\r\nx\r\n.\r\n"); print $c->reply;
    $c->put("MAIL FROM:<b\@example.net>\r\n"); print $c->rest'
talk silent "$begun"' print $c->rest'
for who in idle quits busy silent; do
	wait_until 10 hears $who begun || not_ok "client $who" "$(cat "$tmp/$who.log")"
done
equal "the service manager was told that it is ready" "$(told)" "READY=1 "
"$POSTERNCTL" -s "$socket" reload >/dev/null
equal "and of a reload" "$(told)" "READY=1 RELOADING=1 READY=1 "
kill -TERM "$gw_pid"
check "TERM: no new clients" wait_until 5 refuses
equal "by then the service manager knows" "$(told)" \
    "READY=1 RELOADING=1 READY=1 STOPPING=1 "
equal "and so does who asks for the state" "$(of state)" stopping
equal "nobody is cut off" \
    "$(cat "$tmp/idle.log" "$tmp/quits.log" "$tmp/busy.log" "$tmp/silent.log" |
	sort | uniq -c | tr -s ' ')" " 4 begun"
: >"$tmp/go"
check "an idle client hears 421 at its next command" \
    wait_until 10 hears idle '^421 4\.3\.2'
check "one that goes hears 221" wait_until 10 hears quits '^221 '
check "a running transaction is finished" wait_until 10 hears busy '^250 2\.0\.0'
check "and then the client hears 421" wait_until 10 hears busy '^421 4\.3\.2'
lacks "one that is silent in a transaction has time" \
    "$(cat "$tmp/silent.log")" 421
check "until drain is over" wait_until 15 hears silent '^421 4\.3\.2'
check "then posternd ends" wait_until 10 gone_or_zombie "$gw_pid"
stop "$gw_pid"
equal "with 0" "$code" 0
matches "and the log says whom it cut off" "$(cat "$gw_log")" \
    'event=mail.*result=aborted.*from=a@example\.net.*end=shutdown'

# --- a second TERM -----------------------------------------------------------------

rm -f "$tmp/go"
start again 60
talk silent "$begun"' print $c->rest'
wait_until 10 hears silent begun
kill -TERM "$gw_pid"
wait_until 5 refuses
kill -TERM "$gw_pid"
check "a second TERM ends it at once" wait_until 10 gone_or_zombie "$gw_pid"
stop "$gw_pid"

# limited_to SECONDS COMMAND...: 124 when it takes longer
limited_to() {
	if have timeout; then
		timeout "$@"
	else
		shift
		"$@"
	fi
}

# --- a worker that hangs --------------------------------------------------------------

start hangs 2
worker() {
	ps -A -o pid= -o ppid= -o comm= | awk -v p="$gw_pid" \
	    '$2 == p && ($3 == "postern-worker" || /posternd: worker/) { print $1 }'
}
two() { [ "$(worker | awk 'END { print NR }')" -eq 2 ]; }
if wait_until 5 two; then
	equal "no worker hangs" "$(of silent)" 0
	victim=$(worker | head -n 1)
	kill -STOP "$victim"
	for words in status sessions "kill 0000000000000" "pause mx" "resume mx" \
	    backends; do
		code=0
		# shellcheck disable=SC2086 # words
		said=$(limited_to 10 "$POSTERNCTL" -s "$socket" $words 2>&1) || code=$?
		case $words in
		kill*) want=65 ;;
		*) want=0 ;;
		esac
		equal "a worker hangs: posternctl $words answers" "$code" "$want"
		[ "$words" = backends ] ||
		    matches "and says so" "$said" '1 of the workers did not answer'
	done
	equal "status has their number" "$(of silent)" 1
	admin=$(ps -A -o pid= -o ppid= -o comm= | awk -v p="$gw_pid" \
	    '$2 == p && ($3 == "postern-admin" || /posternd: admin/) { print $1 }')
	kill -STOP "$admin"
	code=0
	said=$(limited_to 20 "$POSTERNCTL" -s "$socket" status 2>&1) || code=$?
	equal "the admin process hangs: posternctl gives up" "$code $said" \
	    "75 posternctl: no answer from posternd"
	kill -CONT "$admin"
	equal "and status still has their number" "$(of silent)" 1
	code=0
	limited_to 30 "$POSTERNCTL" -s "$socket" reload >/dev/null 2>&1 || code=$?
	equal "a reload brings others" "$code $(of state)" "0 running"
	gen -n 20 -c 4 "127.0.0.1:$port1"
	equal "who take mail" "$(field ok "$gen_out")" 20
	kill -TERM "$gw_pid"
	check "a stop does not wait for it" wait_until 20 gone_or_zombie "$gw_pid"
	check "it is killed" grep -q "pid $victim) is killed" "$gw_log"
	check "and gone" wait_until 5 gone_or_zombie "$victim"
else
	not_run "a worker that hangs" "ps does not tell who is who"
fi
stop "$gw_pid"
finish
