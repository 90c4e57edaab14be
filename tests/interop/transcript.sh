#!/bin/sh
# transcript.sh: posternctl transcript shows what servers are told and say for
# one client, and neither secrets nor messages.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl
socket=$tmp/ctl/control.sock

# A server that wants a password: AUTH LOGIN or PLAIN, then ordinary mail.
cat >"$tmp/server.pl" <<'END'
use strict;
use IO::Socket::INET;
my ($file, $mechanism) = @ARGV;
my $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 9) or die;
open my $f, ">", "$file.new" or die;
print $f $l->sockport, "\n";
close $f;
rename "$file.new", $file;
while (my $s = $l->accept) {
	next if fork;
	my $say = sub { print $s map { "$_\r\n" } @_; $s->flush };
	my $hear = sub { my $x = <$s>; exit if !defined $x; $x =~ s/\r\n//; $x };
	$say->("220 server.test");
	for (;;) {
		my $c = $hear->();
		if ($c =~ /^EHLO/) {
			$say->("250-server.test", "250 AUTH $mechanism");
		} elsif ($c =~ /^AUTH LOGIN/) {
			$say->("334 VXNlcm5hbWU6"); $hear->();
			$say->("334 UGFzc3dvcmQ6"); $hear->();
			$say->("235 2.7.0 welcome");
		} elsif ($c eq "DATA") {
			$say->("354 go on");
			1 while $hear->() ne ".";
			$say->("250 2.0.0 stored as 4711");
		} elsif ($c =~ /^RCPT TO:<nobody/) {
			$say->("550 5.1.1 unknown here");
		} else {
			$say->($c =~ /^AUTH/ ? "235 2.7.0 welcome" : "250 2.0.0 fine");
		}
		exit if $c eq "QUIT";
	}
}
END
for mechanism in LOGIN PLAIN; do
	run "$mechanism" perl "$tmp/server.pl" "$tmp/$mechanism.port" $mechanism
	must wait_until 10 test -s "$tmp/$mechanism.port"
done
printf %s s3cret >"$tmp/secret"
chmod 600 "$tmp/secret"
mkdir -m 777 "$tmp/maildir"
chmod 777 "$tmp/maildir"
must gateway gw <<END
hostname = "gw.example.org"
workers = 1
admin { control = "$socket" }
listen mx { address = {"127.0.0.1:@PORT1@"}  proxy-from = {"127.0.0.1"} }
backend login {
	protocol = smtp
	server a { address = "127.0.0.1:$(cat "$tmp/LOGIN.port")" }
	auth { user = alice  secret-file = "$tmp/secret"  clear = yes }
}
backend plain {
	protocol = smtp
	server b { address = "127.0.0.1:$(cat "$tmp/PLAIN.port")" }
	auth { user = alice  secret-file = "$tmp/secret"  clear = yes }
}
backend files { protocol = maildir  path = "$tmp/maildir/%u" }
route files { rcpt-domain = {"files.test"}  backend = files }
route plain { rcpt-domain = {"plain.test"}  backend = plain }
route login { rcpt-domain = {"login.test"}  backend = login }
END

# mail ADDRESS RECIPIENT: from that client; how it ended in $said
mail() {
	said=$(wire -Mwire -e '
		my ($port, $address, $to) = @ARGV;
		my $c = wire->to("127.0.0.1:$port");
		$c->put("PROXY TCP4 $address 192.0.2.1 4000 25\r\n");
		$c->hello;
		$c->ask("MAIL FROM:<a\@example.net>", 250);
		$c->ask("RCPT TO:<$to>", 250);
		$c->ask("DATA", 354);
		$c->put("Subject: the message\r\n\r\n.dots\r\n.\r\n");
		print $c->reply;
		$c->ask("QUIT", 221)' "$port1" "$@" 2>&1)
}
run transcript "$BUILD/posternctl" -s "$socket" transcript 192.0.2.7 60
asked() { grep -q 'a transcript of 192.0.2.7 begins' "$gw_log"; }
wait_until 10 asked
# The worker may look at the request a moment later than the admin process.
seen() {
	mail 192.0.2.7 first@plain.test
	grep -q ' C QUIT' "$tmp/transcript.log"
}
check "a transcript" wait_until 10 seen
mail 192.0.2.7 me@login.test
matches "a client that is seen: accepted" "$said" '^250 '
mail 192.0.2.8 other@login.test
matches "one whom nobody wants to see" "$said" '^250 '
mail 192.0.2.7 nobody@login.test
matches "another: refused" "$said" '^550 '
mail 192.0.2.7 me@files.test
matches "another: into a file" "$said" '^250 '
ends() { [ "$(grep -c 'closed: quit' "$tmp/transcript.log")" -ge 4 ]; }
wait_until 10 ends
shown=$(cat "$tmp/transcript.log")
for line in '\* plain/b a new connection' '> plain/b EHLO gw.example.org' \
    '< plain/b 250 AUTH PLAIN' '> plain/b AUTH PLAIN \[not shown\]' \
    '< plain/b 235 2.7.0 welcome' '> plain/b MAIL FROM:<a@example.net>.*' \
    '> plain/b RCPT TO:<first@plain.test>' '> plain/b DATA' \
    '\* plain/b \[message, [0-9]+ octets\]' \
    '< plain/b 250 2.0.0 stored as 4711' \
    '\* login/a a new connection' '> login/a AUTH LOGIN' \
    '< login/a 334 \[not shown\]' '> login/a \[not shown\]' \
    '\* login/a a pooled connection' '< login/a 550 5.1.1 unknown here' \
    '\* files the agent' '> files maildir .*/maildir/me' '< files 250 2.0.0 .* saved'; do
	matches "shown: $line" "$shown" "^[0-9:.]+Z [0-9a-z]{13}\.[0-9]+ $line\$"
done
lacks "nothing of the other client" "$shown" 'other@login.test'
lacks "no password, no message" "$shown" \
    's3cret|AGFsaWNl|czNjcmV0|YWxpY2U|the message|dots|^Subject'
finish
