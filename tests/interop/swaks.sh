#!/bin/sh
# swaks.sh: a client's transactions, feature by feature, into a maildir (where
# the message can be looked at) and into smtpsink; what posternd -n says; the
# demonstration.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need swaks

mkdir -m 1777 "$tmp/mail"
must sink sink --rcpt-code nobody=550 --rcpt-code later=450 --dot-code spam=554
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
limits { message-size = 128K  recipients = 5 }
spool  { directory = "$tmp/spool"  memory = 32K }
listen mx { address = {"127.0.0.1:@PORT1@"}  greeting = "mx.example.org ESMTP here" }
listen six { address = {"127.0.0.1:@PORT2@"}  filters = {never} }
access never { deny = {"127.0.0.0/8"}  text = "not from here" }
backend sink {
	protocol = smtp
	server one { address = "127.0.0.1:$sink_port" }
}
backend store { protocol = maildir  path = "$tmp/mail/%d/%u" }
route stored { rcpt-domain = {"store.example.org"}  backend = store }
route sunk   { rcpt-domain = {"example.org"}  backend = sink }
END

mail_of() { cat "$tmp/mail/store.example.org/$1/new/"* 2>&1; }

# accepted NAME USER ARGS...: delivered to USER, with one id everywhere
accepted() {
	_name=$1 _user=$2
	shift 2
	swaks_to "$port1" --to "$_user@store.example.org" "$@"
	if [ $swaks_code -ne 0 ]; then
		not_ok "$_name" "$swaks_out"
		return
	fi
	id=$(id_of "$swaks_out")
	rec=$(record "$gw_log" "$id")
	if [ -z "$id" ] || [ -z "$rec" ]; then
		not_ok "$_name: the reply's id is the record's" "id: $id
$swaks_out"
		return
	fi
	mail=$(mail_of "$_user")
	matches "$_name: one id in reply, record and Received" "$mail" \
	    "^[[:blank:]]*by gw.example.org with E?SMTP id $id"
}

# refused NAME REPLY ARGS...
refused() {
	_name=$1 _reply=$2
	shift 2
	swaks_to "$port1" "$@"
	if [ $swaks_code -eq 0 ]; then
		not_ok "$_name" "$swaks_out"
		return
	fi
	matches "$_name" "$swaks_out" "^<\*\* $_reply"
}

# --- what is taken --------------------------------------------------------------

accepted "a message" plain
matches "greeting" "$swaks_out" '^<-  220 mx.example.org ESMTP here'
equal "record: result" "$(key result "$rec")" accepted
equal "record: from, to" "$(key from "$rec") $(key to "$rec")" \
    "sender@example.net plain@store.example.org"
matches "the maildir's headers" "$mail" '^Return-Path: <sender@example.net>$'
matches "and whom it was for" "$mail" '^Delivered-To: plain@store.example.org$'
matches "Received names the recipient when there is one" "$mail" \
    '^[[:blank:]]*for <plain@store.example.org>;$'

accepted "HELO" helo --protocol SMTP
matches "HELO: Received says SMTP" "$mail" 'with SMTP id'
accepted "EHLO" ehlo
matches "EHLO: Received says ESMTP" "$mail" 'with ESMTP id'
accepted "the null sender" bounce --from '<>'
matches "the null sender is kept" "$mail" '^Return-Path: <>$'
accepted "pipelined" piped --pipeline
accepted "8-bit" eight --body "gr$(printf '\303\274\303\237')e"
matches "8-bit: it arrives as it was" "$mail" "gr$(printf '\303\274\303\237')e"
accepted "dots" dots --body '.\n..\n.end'
matches "dots: one stays one" "$mail" '^\.$'
matches "dots: two stay two" "$mail" '^\.\.$'
awk 'BEGIN { for (i = 0; i < 1500; i++)
	printf "%04d a line of a message that goes into the spool\n", i }' \
    >"$tmp/large"
accepted "by way of the spool" large --body "@$tmp/large"
equal "by way of the spool: all of it" \
    "$(printf '%s\n' "$mail" | grep -c 'goes into the spool')" 1500
accepted "an address literal in EHLO" literal --helo '[192.0.2.7]'
matches "an address literal in Received" "$mail" '^Received: from \[192.0.2.7\] '

swaks_to "$port1" --to r1@store.example.org,r2@store.example.org,r3@store.example.org
equal "three recipients" "$swaks_code" 0
for r in r1 r2 r3; do
	matches "three recipients: $r has it" "$(mail_of $r)" \
	    "^Delivered-To: $r@store.example.org"
done
lacks "three recipients: none is told of the others" "$(mail_of r1)" 'r[23]@store.*;$'
equal "three recipients: one record" "$(key recipients "$(record "$gw_log" "$(id_of "$swaks_out")")")" 3

swaks_to "$port1" --to a@example.org,b@example.org
equal "smtp backend: two recipients" "$swaks_code" 0
matches "smtp backend: the reply is the sink's, with our id" "$swaks_out" \
    '^<-  250 2\.0\.0 stored \[[0-9a-z]+\.[0-9]+\]'

# --- what is not -----------------------------------------------------------------

refused "relaying" '550 5\.7\.1 relaying denied \[' --to user@elsewhere.example.com
refused "a percent hack is relaying" '550 5\.7\.1' --to 'user%elsewhere.example.com@example.org'
refused "a quoted one too" '550 5\.7\.1' --to '"user@elsewhere.example.com"@example.org'
refused "a bang path too" '550 5\.7\.1' --to 'elsewhere!user@example.org'
equal "none of them reached a backend" \
    "$(grep 'event=mail' "$gw_log" | grep -c 'elsewhere.*backend=')" 0
refused "a syntax error" '501 5\.1\.[37]' --to 'user@exa mple.org'
refused "an unknown user of the backend" '550 5\.1\.1' --to nobody@example.org
refused "a later of the backend" '450 4\.1\.1' --to later@example.org
awk 'BEGIN { for (i = 0; i < 4000; i++)
	printf "%04d a line of a message that is too big\n", i }' >"$tmp/huge"
refused "too big" '552 5\.3\.4' --to big@store.example.org --body "@$tmp/huge"
check "too big: nothing is stored" test ! -e "$tmp/mail/store.example.org/big"
swaks_to "$port1" --to "$(awk 'BEGIN { for (i = 1; i <= 6; i++)
	printf "%su%d@example.org", (i > 1 ? "," : ""), i }')"
matches "too many recipients: 452 for those above the limit" "$swaks_out" \
    '^<\*\* 452 4\.5\.3 '
equal "too many recipients: the others are served" \
    "$(printf '%s\n' "$swaks_out" | grep -c '^<-  250 2.0.0 stored')" 1
swaks_to "$port1" --to a@example.org,b@store.example.org
equal "two destinations in one transaction" \
    "$swaks_code $(printf '%s\n' "$swaks_out" | grep -c '^<\*\*')" "0 0"
check "two destinations: the second one has it" \
    test -d "$tmp/mail/store.example.org/b"
swaks_to "$port2" --to a@example.org
matches "a filter's refusal" "$swaks_out" '^<\*\* 5[0-9][0-9] 5\.7\.[0-9]* not from here'
refused "a path for a mailbox" '553 5\.1\.3' --to '"../../etc"@store.example.org'
check "a path for a mailbox: nothing outside" test ! -e "$tmp/etc"

refused "the reply of a refusal has the id too" '550 5\.7\.1 .*\[[0-9a-z]+\.[0-9]+\]' \
    --to user@elsewhere.example.com
id=$(printf '%s\n' "$swaks_out" | sed -n 's/^<\*\* 550.*\[\([0-9a-z.]*\)\].*/\1/p' | tail -n 1)
rec=$(record "$gw_log" "$id")
equal "and the record" "$(key result "$rec")" rejected
matches "with the reason" "$rec" 'elsewhere.example.com.*relaying denied'

sink_end "$sink_pid" "$sink_log"
equal "the sink saw no mistake of ours" \
    "$(field protocol "$sink_out") $(field empty "$sink_out") $(field stray "$sink_out")" "0 0 0"
stop "$gw_pid"
equal "posternd ends well" "$code" 0

# --- posternd -n ----------------------------------------------------------------------

good='listen a { address = {"127.0.0.1:2599"} }
backend b { protocol = discard }
route r { rcpt-domain = {"example.org"}  backend = b }
'

# wrong NAME LINE TEXT CONF: the mistake is in that line, exit code 78
wrong() {
	printf '%s\n' "$4" >"$tmp/wrong.conf"
	code=0
	out=$("$POSTERND" -n -f "$tmp/wrong.conf" 2>&1) || code=$?
	equal "-n, $1: exit code" "$code" 78
	matches "-n, $1: names the line" "$out" "^$tmp/wrong.conf:$2: .*$3"
}

printf 'hostname = a.example.org\n%s' "$good" >"$tmp/good.conf"
check "-n, a good one" "$POSTERND" -n -f "$tmp/good.conf"
wrong "syntax" '[0-9]+' . "${good}listen {"
wrong "an unknown option" 4 no-such-option "${good}no-such-option = 1"
wrong "no number" 4 workers "${good}workers = many"
wrong "an unknown backend" 6 nowhere "${good}route s {
	rcpt-domain = {\"example.net\"}
	backend = nowhere
}"
wrong "a name twice" 4 "'b'" "${good}backend b { protocol = discard }"
wrong "an open relay" 4 open-relay 'listen a { address = {"0.0.0.0:2599"} }
backend b { protocol = discard }

route all { backend = b }'
wrong "two mistakes" 4 hostname "${good}hostname = \"bad name\"
workers = -1"
matches "-n, two mistakes: both are told" "$out" "^$tmp/wrong.conf:5: .*workers"
if [ -f "$top/etc/postern.conf" ]; then
	check "-n, etc/postern.conf" "$POSTERND" -n -f "$top/etc/postern.conf"
fi

# --- the demonstration ------------------------------------------------------------------

# etc/demo.conf itself, on a port and in a directory of our own
mkdir -m 1777 "$tmp/demo"
if [ ! -f "$top/etc/demo.conf" ]; then
	not_ok "the demonstration" "there is no etc/demo.conf"
else
	must gateway demo <<-END
	$(sed "s,127.0.0.1:2525,127.0.0.1:@PORT1@,; s,build/demo,$tmp/demo,g" \
	    "$top/etc/demo.conf")
	END
	# As the banner tells.
	swaks_to "$port1" --from you@example.net --to postmaster@example.org
	equal "demo: takes the message that the banner tells to send" "$swaks_code" 0
	matches "demo: it is in the Maildir" "$(cat "$tmp/demo/Maildir/new/"* 2>&1)" \
	    '^Delivered-To: postmaster@example.org'
	equal "demo: and nothing else is" \
	    "$(find "$tmp/demo/Maildir" -type f | awk 'END { print NR }')" 1
	stop "$gw_pid"
	equal "demo: ends well" "$code" 0
fi
finish
