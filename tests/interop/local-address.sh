#!/bin/sh
# local-address.sh: a server is told where a client connected to, though no proxy
# said it: by a listener for one address, and by one for all of the machine.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl

# Writes down the first line of each connection, and is out of order then.
# shellcheck disable=SC2016 # perl's variables
run server perl -MIO::Socket::INET -e '
	my $l = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1:0");
	$| = 1;
	print "port ", $l->sockport, "\n";
	while (my $c = $l->accept) {
		print scalar <$c>;
		print $c "421 4.3.0 no\r\n";
	}'
check "the server is there" wait_until 10 grep -q '^port' "$tmp/server.log"
server_port=$(awk '/^port/ { print $2 }' "$tmp/server.log")
must gateway gw <<END
hostname = "gw.example.org"
workers  = 1
listen one { address = {"127.0.0.1:@PORT1@"} }
listen all { address = {"0.0.0.0:@PORT2@"} }
backend told {
	protocol = smtp
	server a { address = "127.0.0.1:$server_port" }
	identify = proxy-v1
}
route in { rcpt-domain = {"example.org"}  backend = told }
END

for port in "$port1" "$port2"; do
	gen -n 1 --timeout 10 "127.0.0.1:$port"
	at_least "a message by port $port is put off" "$(field tempfail "$gen_out")" 1
done
told() { tr -d '\r' <"$tmp/server.log" | grep -Eq "^PROXY TCP4 127.0.0.1 127.0.0.1 [0-9]+ $1\$"; }
check "the listener of one address" wait_until 10 told "$port1"
check "the listener of all addresses" wait_until 10 told "$port2"
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
