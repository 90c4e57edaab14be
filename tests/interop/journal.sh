#!/bin/sh
# journal.sh: what one reply can not say, the retry of a real queue puts right.
# Postfix as the client -> posternd with two workers -> a private Dovecot by
# LMTP: one copy for who can be served, one bounce for who can not.  And lost
# replies: clients that leave behind their final dot and send again.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/dovecot.sh
. "$top/tests/support/dovecot.sh"
# shellcheck source=tests/support/postfix.sh
. "$top/tests/support/postfix.sh"

# --- clients that leave without the reply -----------------------------------------

# The backend takes its time, so the client is gone before; and the client
# waits longer than that before it sends again: what is still on its way is not
# in the journal.
must sink slow --received "$tmp/slow.received" --fail dot=slow=20
must gateway lost <<END
hostname = "gw.example.org"
workers  = 2
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend slow {
	protocol = smtp
	server one { address = "127.0.0.1:$sink_port" }
}
route slow { rcpt-domain = {"example.org"}  backend = slow }
END

# lost_replies NAME ARGS...
first=1
lost_replies() {
	_name=$1
	shift
	gen -n 200 -c 8 -m 4 --first $first --faults dot --fault-every 2 \
	    --retry 30 --retry-delay 500 --acked "$tmp/acked" "$@" \
	    "127.0.0.1:$port1"
	first=$((first + 200))
	at_least "$_name: it does" "$(field faulted "$gen_out")" 40
	equal "$_name: all is accepted in the end" \
	    "$(field ok "$gen_out") $(field failed "$gen_out")" "200 0"
}
lost_replies "client leaves at the dot"
lost_replies "client leaves at the dot, pipelined" -p
lost_replies "client resets at the dot" --fault-reset
lost_replies "client leaves behind BDAT LAST" --bdat
sink_end "$sink_pid" "$sink_log"
equal "lost replies: no message is missing" \
    "$(missing_from "$tmp/acked" "$tmp/slow.received")" 0
equal "lost replies: messages, duplicates, damaged" \
    "$(field messages "$sink_out") $(field duplicates "$sink_out") $(field damaged "$sink_out")" \
    "$((first - 1)) 0 0"
stop "$gw_pid"
equal "posternd ends well" "$code" 0

# The same, step by step: the client is killed when the backend has the message
# and has not yet said so; and the next one sends what it sent.
cat >"$tmp/send.pl" <<'END'
use strict;
use IO::Socket::INET;
my ($to, $id, $behind) = @ARGV;
my $s = IO::Socket::INET->new(PeerAddr => $to) or die "connect: $!";
alarm 30;
print $s "EHLO c.example.net\r\nMAIL FROM:<a\@example.net>\r\n",
    "RCPT TO:<user\@example.org>\r\nDATA\r\n",
    "Message-ID: <$id\@example.net>\r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\r\n",
    "\r\nhello\r\n.\r\n", $behind ? "$behind\r\n" : "";
$s->flush;
while (<$s>) { print; last if /\[\w+\.\d+\]/; }
END
stored_now() {
	sink_now "$sink_pid" "$sink_log"
	[ "$(field messages "$sink_out")" -ge "$1" ]
}
delivered() {
	[ "$(grep -c 'event=mail.*said="250 .* link=' "$gw_log")" -ge "$1" ]
}
# killed_client NAME BEHIND: BEHIND is in one write with the message
killed=0
killed_client() {
	killed=$((killed + 1))
	run "client$killed" perl "$tmp/send.pl" "127.0.0.1:$port1" $killed "$2"
	client_pid=$pid
	check "$1: the backend has it" wait_until 20 stored_now $killed
	kill9 "$client_pid"
	check "$1: the delivery ends without it" wait_until 20 delivered $killed
	matches "$1: the retry hears 250" \
	    "$(perl "$tmp/send.pl" "127.0.0.1:$port1" $killed "")" \
	    '^250 2\.0\.0 delivered before \['
	sink_now "$sink_pid" "$sink_log"
	equal "$1: there is one copy" "$(field messages "$sink_out")" $killed
}
if have perl; then
	must sink slower --fail dot=slow=1500
	must gateway killed <<-END
	hostname = "gw.example.org"
	workers  = 2
	listen mx { address = {"127.0.0.1:@PORT1@"} }
	backend slow {
		protocol = smtp
		server one { address = "127.0.0.1:$sink_port" }
	}
	route slow { rcpt-domain = {"example.org"}  backend = slow }
	END
	killed_client "killed client" ""
	killed_client "killed client, QUIT behind its dot" QUIT
	killed_client "killed client, RSET behind its dot" RSET
	stop "$gw_pid"
	equal "posternd ends well" "$code" 0
	stop "$sink_pid"
else
	not_run "killed clients" "missing: perl"
fi

# --- Dovecot ------------------------------------------------------------------------

if ! have perl; then
	not_run "Postfix's retries" "missing: $missing"
	finish
elif ! dovecot_possible || ! postfix_possible; then
	not_run "Postfix's retries" "$why"
	finish
fi
for u in alice bob carol; do dovecot_user $u x; done
for u in full full2; do
	dovecot_user $u x 'userdb_quota_rule=*:storage=1K'
done
must dovecot_start lmtp <<END
$(dovecot_lmtp)
END

# Without verification, or it would find the unknown ones before the journal.
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend store {
	protocol = lmtp
	verify = no
	server one { address = "unix:$dovecot_run/lmtp" }
}
route store { rcpt-domain = {"example.org"}  backend = store }
END

# --- a Postfix whose queue does not wait for minutes ------------------------------

# Bounces go to the senders, which are mailboxes of this Postfix.
submit_port=$(free_port)
postfix_main <<END
myhostname = client.example.net
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = example.net
virtual_mailbox_maps = static:bounces/
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:$port1
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
END
must postfix_start "$submit_port" <<END
qmgr      unix n - n   1 1 qmgr
127.0.0.1:$submit_port inet n - n - - smtpd
END

# --- messages with a good and a bad recipient -------------------------------------

# submit SENDER TEXT-LINES RECIPIENT...: the message's queue id in $queued
cat >"$tmp/submit.pl" <<'END'
use strict;
use IO::Socket::INET;
my ($to, $from, $lines, @rcpts) = @ARGV;
my $s = IO::Socket::INET->new(PeerAddr => $to) or die "connect: $!";
alarm 20;
sub say_ {
	my ($line, $code) = @_;
	my $l;
	print $s "$line\r\n" if defined $line;
	do { defined($l = <$s>) or die "closed, wanted $code" } while $l =~ /^\d{3}-/;
	$l =~ /^$code/ or die "wanted $code, got $l";
	return $l;
}
say_(undef, 220);
say_("EHLO user.example.net", 250);
say_("MAIL FROM:<$from>", 250);
say_("RCPT TO:<$_>", 250) for @rcpts;
say_("DATA", 354);
my $text = "From: <$from>\r\nTo: undisclosed-recipients:;\r\nSubject: $from\r\n\r\n" .
    "a line that fills the mailbox\r\n" x $lines;
print say_("$text.", 250) =~ /queued as (\w+)/ ? $1 : die "no queue id";
say_("QUIT", 221);
END
submit() {
	queued=$(perl "$tmp/submit.pl" "127.0.0.1:$submit_port" "$@" 2>&1)
}

# bounces SENDER: how many he got
bounce_files() { grep -lr "^X-Original-To: $1\$\|^Delivered-To: $1\$" "$pf/mail" 2>/dev/null; }
bounces() { bounce_files "$1" | awk 'END { print NR }'; }
# named SENDER: whom his bounces name
named() {
	bounce_files "$1" | while read -r _f; do
		sed -n 's/^Final-Recipient: rfc822; *//p' "$_f"
	done | LC_ALL=C sort | tr '\n' ' '
}
# log_of ADDRESS: what became of it in $queued, each attempt
statuses() {
	sed -n "s/.*: $queued: .*to=<$1>.* status=\([a-z]*\) .*/\1/p" "$pf/log"
}
removed() { grep -q "qmgr.*: $queued: removed" "$pf/log"; }
count_of() { printf '%s\n' "$2" | grep -c "^$1\$"; }

# mixed NAME SENDER LINES STATUS TEXT WAYS GOOD... -- BAD...: the good ones have
# exactly one copy; the bad ones are named once in bounces, which are WAYS at
# most, with STATUS and TEXT
mixed() {
	_what=$1 _from=$2 _lines=$3 _dsn=$4 _words=$5 _ways=$6
	shift 6
	_good=
	while [ "$1" != -- ]; do
		_good="$_good $1"
		echo "$1 $(mail_count "$1")" >>"$tmp/before"
		shift
	done
	shift
	_all=
	for _u in $_good "$@"; do _all="$_all $_u@example.org"; done
	# shellcheck disable=SC2086 # words
	submit "$_from" "$_lines" $_all
	check "$_what: the queue comes to its end" wait_until 60 removed
	for _u in $_good; do
		_had=$(sed -n "s/^$_u //p" "$tmp/before" | tail -n 1)
		equal "$_what: $_u has one copy" $(($(mail_count "$_u") - _had)) 1
		_st=$(statuses "$_u@example.org")
		equal "$_what: $_u was sent to once, and not bounced" \
		    "$(count_of sent "$_st") $(count_of bounced "$_st")" "1 0"
	done
	_bad=
	for _u; do
		_bad="$_bad$_u@example.org "
		equal "$_what: $_u has none" "$(mail_count "$_u")" 0
		_st=$(statuses "$_u@example.org")
		equal "$_what: $_u was bounced once, and not sent to" \
		    "$(count_of bounced "$_st") $(count_of sent "$_st")" "1 0"
		matches "$_what: in Dovecot's words" "$(grep ": $queued: " "$pf/log")" \
		    "to=<$_u@.*dsn=$_dsn, status=bounced .*$_words"
	done
	check "$_what: the bounce arrives" wait_until 20 has_bounce "$_from"
	# Refusals at RCPT and behind the dot are heard in two attempts.
	at_most "$_what: one bounce for each way of refusing" \
	    "$(bounces "$_from")" "$_ways"
	equal "$_what: who could not be served is named once, nobody else" \
	    "$(named "$_from")" \
	    "$(echo "$_bad" | tr ' ' '\n' | grep . | sort | tr '\n' ' ')"
}
has_bounce() { [ "$(bounces "$1")" -ge 1 ]; }

mixed "one over quota" one@example.net 100 5.2.2 '[Qq]uota' 1 alice -- full
matches "one over quota: alice was known at the retry" \
    "$(grep 'event=mail.*from=one@' "$gw_log")" 'result=accepted.* known=1 '
mixed "one unknown" two@example.net 1 5.1.1 'User doesn.t exist' 1 bob -- nobody-here
matches "one unknown: refused at the retry's RCPT" \
    "$(grep 'event=mail.*from=two@' "$gw_log")" \
    'result=accepted.* refused=1 refusals="nobody-here@'
mixed "all of it" three@example.net 100 '5.[12].[12]' '' 2 \
    alice bob carol -- full full2 nobody-here
equal "no attempt's outcome is uncertain" \
    "$(grep -c 'uncertain=yes' "$gw_log")" 0
lacks "no process has died" "$(cat "$gw_log")" ' died: '

stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
