#!/bin/sh
# two-backends.sh: messages for recipients at two backends, which take one
# connection each; some messages name them in the other order, some only one.
# Nobody waits for what somebody else keeps: all are accepted.

# shellcheck source=tests/support/peers.sh disable=SC2154
. "$(dirname "$0")/../support/peers.sh"
need perl

must sink a --fail dot=slow=5
a_pid=$sink_pid a_log=$sink_log a_port=$sink_port
must sink b --fail dot=slow=5
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend a {
	protocol = smtp
	verify   = no
	pool { max = 1 }
	server one { address = "127.0.0.1:$a_port" }
}
backend b {
	protocol = smtp
	verify   = no
	pool { max = 1 }
	server one { address = "127.0.0.1:$sink_port" }
}
route a { rcpt-domain = {"a.example.org"}  backend = a }
route b { rcpt-domain = {"b.example.org"}  backend = b }
END

cat >"$tmp/clients.pl" <<'END'
use strict;
use IO::Socket::INET;
my ($to, $clients, $messages) = @ARGV;
$| = 1;
my @ways = map { [map { "u\@$_.example.org" } @$_] }
    (['a', 'b'], ['b', 'a'], ['a'], ['b', 'a']);
sub client {
	my ($number) = @_;
	alarm 60;
	for my $i (1 .. $messages) {
		my $s = IO::Socket::INET->new(PeerAddr => $to) or die "connect: $!";
		my @rcpts = @{$ways[$number % @ways]};
		my $l;
		for ('', 'HELO x', 'MAIL FROM:<a@example.net>',
		    (map { "RCPT TO:<$_>" } @rcpts), 'DATA',
		    "Subject: $number.$i\r\n\r\nhello\r\n.") {
			print $s "$_\r\n" if $_;
			$l = <$s> // die "closed\n";
		}
		print substr($l, 0, 3), "\n";
	}
}
for my $n (1 .. $clients) {
	next if fork;
	client($n);
	exit;
}
1 while wait != -1;
END
said=$(perl "$tmp/clients.pl" "127.0.0.1:$port1" 12 30 2>&1)
equal "all are accepted" "$(printf '%s\n' "$said" | sort | uniq -c | tr -s ' ')" \
    " 360 250"
sink_end "$a_pid" "$a_log"
equal "the first backend has all of them" "$(field messages "$sink_out")" 360
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
