#!/bin/sh
# dovecot-lmtp.sh: swaks -> HAProxy (PROXY v2) -> posternd -> a private Dovecot
# by LMTP, over TCP and over a unix socket.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/dovecot.sh
. "$top/tests/support/dovecot.sh"
# shellcheck source=tests/support/haproxy.sh
. "$top/tests/support/haproxy.sh"
need swaks perl
need_dovecot

# --- Dovecot ------------------------------------------------------------------

for u in alice bob dots; do dovecot_user $u x; done
dovecot_user full x 'userdb_quota_rule=*:storage=1K'
must dovecot_start lmtp <<END
$(dovecot_lmtp)
END

# --- the gateway -------------------------------------------------------------------

must gateway gw <<END
hostname = "gw.example.org"
workers  = 1
listen mx {
	address    = {"127.0.0.1:@PORT1@"}
	proxy-from = {"127.0.0.9"}
}
listen proxied {
	address    = {"127.0.0.1:@PORT2@"}
	proxy-from = {"127.0.0.1"}
}
backend tcp {
	protocol = lmtp
	server one { address = "127.0.0.1:$dovecot_port" }
	pool { idle-timeout = 1m }
}
backend socket {
	protocol = lmtp
	server one { address = "unix:$dovecot_run/lmtp" }
}
route socket { rcpt-domain = {"unix.example.org"}  backend = socket }
route tcp    { rcpt-domain = {"example.org"}  backend = tcp }
END
gw_port=$port1 proxied_port=$port2

# --- delivery -----------------------------------------------------------------------

entry=$gw_port client=127.0.0.1
entered() { listens "$front1"; }
if have haproxy; then
	must haproxy_start entered <<-END
	$(haproxy_common)
	listen smtp
	    bind 127.0.0.1:@FRONT1@
	    server gw 127.0.0.1:$proxied_port send-proxy-v2
	END
	entry=$front1
else
	not_run "through HAProxy" "missing: haproxy"
fi

swaks_to "$entry" --to alice@example.org
equal "TCP: a message is accepted" "$swaks_code" 0
matches "TCP: with Dovecot's own words" "$swaks_out" '^<-  250 2.0.0 .*Saved'
mail=$(mails alice)
matches "TCP: it is in the maildir, with our Received" "$mail" \
    "^Received: from client.example.net \(\[$client\]\)"
matches "TCP: and with Dovecot's" "$mail" '^Received: from gw.example.org'
rec=$(record "$gw_log" "$(id_of "$swaks_out")")
matches "TCP: the record has what Dovecot said" "$(key said "$rec")" \
    '^250 2.0.0 .*Saved'

swaks_to "$entry" --to bob@unix.example.org
equal "unix socket: a message is accepted" "$swaks_code" 0
matches "unix socket: it is in the maildir" "$(mails bob)" \
    '^Received: from client.example.net'

# --- refusals -----------------------------------------------------------------------

swaks_to "$entry" --to nobody-here@example.org
matches "an unknown user is 550 5.1.1 in Dovecot's words" "$swaks_out" \
    '^<\*\* 550 5\.1\.1 .*User doesn.t exist'

swaks_to "$entry" --to full@example.org --body "$(awk 'BEGIN {
	for (i = 0; i < 100; i++) print "a line that makes the message too big" }')"
matches "over quota alone is 552 5.2.2 in Dovecot's words" "$swaks_out" \
    '^<\*\* 552 5\.2\.2 .*[Qq]uota'

before=$(mail_count alice)
swaks_to "$entry" --to alice@example.org,full@example.org --body "$(awk 'BEGIN {
	for (i = 0; i < 100; i++) print "a line that makes the message too big" }')"
matches "one of two over quota is a 4xx" "$swaks_out" '^<\*\* 4[0-9][0-9] 4\.'
lacks "and no 250 behind the data" "$swaks_out" '^<-  250 2.0.0 .*Saved'
rec=$(grep 'event=mail' "$gw_log" | tail -n 1)
equal "it is in the log as deferred" "$(key result "$rec")" deferred

swaks_to "$entry" --to alice@example.org,nobody-here@example.org
matches "one of two unknown: that one hears 550 5.1.1 at RCPT" \
    "$swaks_out" '^<\*\* 550 5\.1\.1 .*User doesn.t exist'
equal "and the other one gets the message" "$(mail_count alice)" $((before + 2))

# --- what is offered ----------------------------------------------------------------

talk "$gw_port" <<END
EHLO client.example.net
MAIL FROM:<j@example.net> SMTPUTF8
MAIL FROM:<j@example.net> RET=FULL
END
matches "Dovecot offers 8BITMIME, and so do we" "$talk_out" '^250-8BITMIME'
lacks "it offers neither SMTPUTF8 nor DSN, nor BINARYMIME" "$talk_out" \
    '^250-(SMTPUTF8|DSN|BINARYMIME)'
equal "and what is not offered is refused" \
    "$(printf '%s\n' "$talk_out" | grep -c '^555 5\.5\.4 .*not offered')" 2

# --- content ------------------------------------------------------------------------

# 8-bit, lines that begin with dots, a long line, an empty last line
awk 'BEGIN {
	print "From: sender@example.net"
	print "To: dots@example.org"
	print "Subject: bytes"
	print "MIME-Version: 1.0"
	print "Content-Type: text/plain; charset=utf-8"
	print "Content-Transfer-Encoding: 8bit"
	print ""
	print "."; print ".."; print "..."; print ".dot"; print "...dots"
	printf "gr\303\274\303\237e \360\237\220\230 \377\376\200\n"
	for (i = 0; i < 990; i++) printf "x"
	print ""
	print "From here on"; print ""; print "."; print ""
}' >"$tmp/content"
# shellcheck disable=SC2016 # perl's variables
cat >"$tmp/raw.pl" <<'END'
use strict;
use IO::Socket::INET;
my ($to, $rcpt, $file) = @ARGV;
my $s = IO::Socket::INET->new(PeerAddr => $to) or die "connect: $!";
sub want {
	my ($code) = @_;
	my $l;
	do { defined($l = <$s>) or die "closed, wanted $code" } while $l =~ /^\d{3}-/;
	$l =~ /^$code/ or die "wanted $code, got $l";
	return $l;
}
sub say_ { print $s "$_[0]\r\n"; }
want(220);
say_("EHLO client.example.net");                   want(250);
say_("MAIL FROM:<sender\@example.net> BODY=8BITMIME"); want(250);
say_("RCPT TO:<$rcpt>");                           want(250);
say_("DATA");                                      want(354);
open my $f, '<:raw', $file or die "$file: $!";
while (<$f>) { s/\n/\r\n/; s/^\./../; print $s $_; }
say_(".");
print want(250);
say_("QUIT");                                      want(221);
END
check "8-bit and dots: accepted" \
    perl "$tmp/raw.pl" "127.0.0.1:$gw_port" dots@example.org "$tmp/content"
# What the hops put in front ends where the content begins.
mails dots | sed -n '/^From: sender@example.net/,$p' >"$tmp/arrived"
check "8-bit and dots: it arrives octet by octet" cmp "$tmp/content" "$tmp/arrived"

# A big one, that goes by the spool.
awk 'BEGIN {
	print "Subject: big"; print ""
	for (i = 0; i < 60000; i++) printf ".%d a line of a big message\n", i
}' >"$tmp/big"
rm -rf "$tmp/users/dots/Maildir/new/"*
check "1.9 MB: accepted" \
    perl "$tmp/raw.pl" "127.0.0.1:$gw_port" dots@example.org "$tmp/big"
mails dots | sed -n '/^Subject: big/,$p' >"$tmp/arrived"
check "1.9 MB: it arrives octet by octet" cmp "$tmp/big" "$tmp/arrived"

# --- the pool -------------------------------------------------------------------------

connects() { grep -c 'lmtp([0-9]*): Info: Connect from' "$dovecot_log"; }
before=$(connects)
at_least "Dovecot logs its connections" "$before" 2
# shellcheck disable=SC2034 # a loop of ten
for i in 1 2 3 4 5 6 7 8 9 10; do
	perl "$tmp/raw.pl" "127.0.0.1:$gw_port" bob@example.org "$tmp/content" \
	    >>"$tmp/raw.log" 2>&1
done
equal "10 sessions deliver 10 messages" "$(mail_count bob)" 11
at_most "over one LMTP connection" $(($(connects) - before)) 1
matches "the record says so" "$(grep 'event=mail' "$gw_log" | tail -n 1)" \
    'link=pooled'

# Dovecot goes away and comes back: mail is deferred, never refused.
stop "$dovecot_pid"
swaks_to "$gw_port" --to alice@example.org
matches "without Dovecot: 451 4.4.1" "$swaks_out" '^<\*\* 451 4\.4\.1'
must dovecot_again lmtp
served() {
	swaks_to "$gw_port" --to alice@example.org
	[ $swaks_code -eq 0 ]
}
check "with Dovecot back: delivered again" wait_until 10 served

stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
