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
hash() { perl -e 'print crypt($ARGV[0], $ARGV[1])' "$1" "$2"; }
# shellcheck disable=SC2016 # a hash
echo "alice:$(hash s3cret '$6$rounds=5000$abcdefgh$')" >"$tmp/users"
must sink slow --fail mail=hang
hang_port=$sink_port
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
drain    = 5s
admin { control = "$socket" }
listen mx { address = {"127.0.0.1:@PORT1@"}  auth = people  auth-plaintext = yes }
listen other { address = {"127.0.0.1:@PORT2@"}  filters = {nap} }
auth-file people { users = {"file:$tmp/users"}  fail-delay = 100ms }
delay nap { connect = 60s  timeout = 90s }
backend store {
	protocol = smtp
	server a { address = "127.0.0.1:$s1_port" }
	server b { address = "127.0.0.1:$s2_port" }
	server c { address = "127.0.0.1:@PORT3@"  drain = yes }
}
backend hang {
	protocol = smtp
	server a { address = "127.0.0.1:$hang_port" }
}
backend secure {
	protocol = smtp
	server a { address = "127.0.0.1:$s1_port" }
	tls { mode = required  verify = no }
}
route secure { rcpt-domain = {"tls.example.org"}  backend = secure }
route hang { rcpt-domain = {"hang.example.org"}  backend = hang }
route store { rcpt-domain = {"example.org"}  backend = store }
END
mx=$port1 other=$port2

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
    "$(printf '%s\n' "$said" | awk 'END { print NR }')" 6
matches "backends: the titles" "$said" '^server +address +state +for +links'
equal "backends --json: an address" "$(of store/a address)" "127.0.0.1:$s1_port"
equal "a server is up" "$(of store/a state)" up
gen -n 20 -c 4 "127.0.0.1:$mx"
at_least "connections are counted" "$(of store/a opened)" 1
equal "nobody had to wait for one" "$(of store/a waited)" 0
equal "nothing is wrong with that server" "$(of store/a faults)" ""
equal "nor with the other one yet" "$(of secure/a faults)" ""
gen -n 1 --to user@tls.example.org "127.0.0.1:$mx" || :
equal "it does not offer STARTTLS" "$(of secure/a faults)" "tls-missing=1"
ctl backends
matches "as the table says" "$said" '^secure/a .* tls-missing=1( |$)'

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

# --- sessions, kill -----------------------------------------------------------

# talk NAME PORT PERL: a client; what it prints in $tmp/NAME.log
talk() {
	run "$1" perl -I"$top/tests/support" -Mwire -e '$| = 1;
		my $c = wire->to("127.0.0.1:$ARGV[0]"); '"$3" "$2"
	talk_pid=$pid
}
# hears NAME ERE: it has printed that
hears() { grep -q "$2" "$tmp/$1.log"; }
# session KEY VALUE WANTED: of the session in which KEY is VALUE
session() {
	json "join ' ', map { \$_->{$3} } grep { \$_->{$1} eq '$2' } @\$j" \
	    sessions
}
is() { [ "$(session "$1" "$2" "$3")" = "$4" ]; }

ctl sessions --json
equal "sessions --json: none" "$said" "[]"
talk idle "$mx" '$c->hello; $c->ask("MAIL FROM:<idle\@example.net>", 250);
    print $c->rest'
talk filtered "$other" 'print $c->rest'
filtered_pid=$talk_pid
talk relayed "$mx" '$c->hello; $c->ask("MAIL FROM:<relayed\@example.net>", 250);
    $c->ask("RCPT TO:<u\@hang.example.org>", 250); $c->ask("DATA", 354);
    $c->put("Subject: x\r\n\r\nx\r\n.\r\n"); print $c->rest'
check "a session that waits for its client" \
    wait_until 10 is from idle@example.net waits client
equal "it takes commands, at its listener" \
    "$(session from idle@example.net state) $(session from idle@example.net listener)" \
    "command mx"
check "one that waits for a filter" \
    wait_until 10 is listener other waits "filter nap"
check "one that waits for a backend" \
    wait_until 10 is from relayed@example.net waits "backend hang"
equal "with its message" "$(session from relayed@example.net state)" judging
at_most "since when" "$(session from relayed@example.net since)" 60000
equal "status counts them" "$(json '$j->{sessions}' status)" 3
ctl sessions
matches "sessions, as a table" "$said" \
    "^$(session listener other id) +127\.0\.0\.1 +other +[0-9]+ +greeting +filter nap"
for who in idle relayed; do
	id=$(session from $who@example.net id)
	ctl kill "$id"
	equal "kill, the $who one: exit code" "$code" 0
	check "the $who one: its client hears it" \
	    wait_until 10 hears $who '^421 4\.3\.2 closed by an operator'
	check "and the log says so" \
	    wait_until 5 grep -q "id=$id.*end=killed" "$gw_log"
done
ctl kill "$(session listener other id)"
equal "kill, before the greeting: exit code" "$code" 0
wait "$filtered_pid"
forget "$filtered_pid"
equal "nobody is left" "$(json '$j->{sessions}' status)" 0
ctl kill 0000000000000
equal "kill, no such session: exit code" "$code" 65

# --- pause, resume ------------------------------------------------------------

talk before "$mx" '$c->hello; print "hello\n";
    print $c->rest'
wait_until 10 hears before hello
ctl pause mx
equal "pause: exit code" "$code" 0
equal "status tells" "$(json '$j->{paused}' status)" mx
talk waiting "$mx" 'print "connected\n"; print $c->reply; $c->ask("QUIT", 221)'
wait_until 10 hears waiting connected
ctl reload
equal "a new client is not taken, nor by the workers of a reload" \
    "$code $(session listener mx state)" "0 command"
ctl resume mx
equal "resume: exit code" "$code" 0
check "the client that waited is greeted" wait_until 10 hears waiting '^220 '
ctl pause none
equal "pause, no such listener: exit code" "$code" 65
ctl kill "$(session listener mx id)"
equal "a session of before the reload is killed, too" "$code" 0

# --- transcript ---------------------------------------------------------------

secrets='s3cret|AGFsaWNl|czNjcmV0|YWxpY2U|the message'
run transcript "$POSTERNCTL" -s "$socket" transcript 127.0.0.0/8 60
transcript_pid=$pid
asked() { [ "$(grep -c 'a transcript of 127.0.0.0/8 begins' "$gw_log")" -ge 1 ]; }
wait_until 10 asked
ctl transcript 192.0.2.1
equal "a second transcript: exit code" "$code" 75
# Workers may look at the request a moment later than the admin process.
number=5000
seen() {
	number=$((number + 1))
	gen -n 1 --first $number "127.0.0.1:$mx"
	grep -q ' C QUIT' "$tmp/transcript.log"
}
wait_until 10 seen
talk shown "$mx" '$c->hello;
    $c->ask("AUTH PLAIN AGFsaWNlAHdyb25n", 535);
    $c->ask("AUTH LOGIN", 334); $c->ask("YWxpY2U=", 334); $c->ask("bnVsbA==", 535);
    $c->ask("s3cret", 500); $c->ask("YWxpY2U=", 500); $c->ask("AUTH s3cret", 50);
    $c->ask("AUTH LOGIN YWxpY2U=", 334); $c->ask("czNjcmV0", 235);
    $c->ask("MAIL FROM:<shown\@example.net>", 250);
    $c->ask("RCPT TO:<u\@example.org>", 250); $c->ask("DATA", 354);
    $c->put("Subject: the message\r\n\r\nx\r\n.\r\n"); $c->reply;
    $c->ask("QUIT", 221); print "all\n"'
wait "$talk_pid"
forget "$talk_pid"
equal "the client has said it all" "$(cat "$tmp/shown.log")" all
check "the transcript: its end" \
    wait_until 10 grep -q 'closed: quit' "$tmp/transcript.log"
shown=$(cat "$tmp/transcript.log")
for line in 'C EHLO' 'S 220 gw.example.org' 'S 250-PIPELINING' 'C AUTH PLAIN \[not shown\]' \
    'S 334 \[not shown' 'C \[response, ' 'C \[no command, 6 octets\]' \
    'C MAIL FROM:<shown@example.net>' 'C \[message, ' 'S 250 2.0.0' 'C QUIT' \
    'S 235 '; do
	matches "the transcript: $line" "$shown" "^[0-9:.]+Z [0-9a-z]{13} $line"
done
lacks "no secret and no message is in it" "$shown" "$secrets"
lacks "nor in the log" "$(cat "$gw_log")" "$secrets"
stop "$transcript_pid"
ctl --json transcript 192.0.2.1 1
equal "a transcript ends by itself, and another one's end was noticed" \
    "$code $said" '0 {"code":0,"text":"the time is over"}'

# --- log ----------------------------------------------------------------------

ctl log debug
equal "log: exit code" "$code" 0
equal "log: the level" "$(json '$j->{level}." ".$j->{configured}' status)" \
    "debug info"
ctl log error
accepted() { grep -c 'event=mail.*result=accepted' "$gw_log"; }
before=$(accepted)
gen -n 1 --first 3001 "127.0.0.1:$mx"
equal "log error: no record of a message" "$(accepted)" "$before"
ctl log configured
gen -n 1 --first 3002 "127.0.0.1:$mx"
more_accepted() { [ "$(accepted)" -gt "$before" ]; }
check "log configured: the next one has one" wait_until 5 more_accepted

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

talk last "$mx" '$c->hello; $c->ask("MAIL FROM:<last\@example.net>", 250);
    $c->ask("RCPT TO:<u\@example.org>", 250); print "begun\n";
    sleep 1 until -e "'"$tmp/go"'"; $c->ask("DATA", 354);
    $c->put("Subject: x\r\n\r\nx\r\n.\r\n"); print $c->reply'
wait_until 10 hears last begun
kill -TERM "$gw_pid"
stops() { [ "$(json '$j->{state}' status)" = stopping ]; }
check "in a stop, status says so while messages are finished" \
    wait_until 10 stops
equal "and who is still there" "$(session from last@example.net state)" command
: >"$tmp/go"
code=0
wait "$gw_pid" || code=$?
forget "$gw_pid"
equal "posternd ends well" "$code" 0
wait "$talk_pid"
forget "$talk_pid"
matches "the last message is through" "$(cat "$tmp/last.log")" '^250 '
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
killed="$pid $(kids "$pid")"
# shellcheck disable=SC2086 # words
kill -KILL $killed
wait "$pid" 2>/dev/null
forget "$pid"
for k in $killed; do
	wait_until 5 gone_or_zombie "$k"
done
check "a killed posternd leaves its socket" test -S "$socket"
ctl status
equal "nobody answers there" "$code" 69
run again "$POSTERND" -d -f "$tmp/good.conf"
check "the next one takes its place" wait_until 10 \
    "$POSTERNCTL" -s "$socket" status
stop "$pid"
finish
