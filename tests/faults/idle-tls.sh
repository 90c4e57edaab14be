#!/bin/sh
# idle-tls.sh: what a client costs in memory that has greeted under TLS and then
# says nothing, by STARTTLS and from the first byte on, with TLS 1.2 and 1.3.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need openssl perl
if ! perl -MNet::SSLeay -e 1 2>/dev/null; then
	not_run "idle TLS clients" "missing: perl's Net::SSLeay (libnet-ssleay-perl)"
	finish
fi
clients=800
# shellcheck disable=SC3045 # where there is no -n, the clients will tell
ulimit -n $((clients + 200)) 2>/dev/null || :

must cert one 2

# They come, say "there", and go when the file is there.
cat >"$tmp/idle.pl" <<'END2'
use strict;
use wire;
my ($to, $starttls, $version, $count, $go) = @ARGV;
my @all;
for (1 .. $count) {
	my $c = wire->to($to);
	if ($starttls) {
		$c->hello;
		$c->ask('STARTTLS', 220);
	}
	$c->start_tls($version);
	$c->want(220, 'greeting') if !$starttls;
	$c->ask('EHLO client.example.net', 250);
	push @all, $c;
}
$| = 1;
print "there\n";
select undef, undef, undef, 0.1 until -e $go;
$_->ask('NOOP', 250) for @all;
$_->ask('QUIT', 221) for @all;
END2
# idle NAME COUNT PORT STARTTLS VERSION: so many, until go
idle() {
	_name=$1
	rm -f "$tmp/go"
	run "$_name" perl -I"$top/tests/support" "$tmp/idle.pl" \
	    "127.0.0.1:$3" "$4" "$5" "$2" "$tmp/go"
	idle_pid=$pid
	wait_until 60 grep -q '^there' "$tmp/$_name.log"
}
go() {
	: >"$tmp/go"
	code=0
	wait "$idle_pid" || code=$?
	forget "$idle_pid"
}

# cost NAME "starttls" | "tls" STARTTLS VERSION: with workers that were never full
cost() {
	must gateway "gw$2$4" <<-END2
	hostname = "gw.example.org"
	workers  = 1
	limits { connections = 2000  command-timeout = 5m }
	listen in { address = {"127.0.0.1:@PORT1@"}  $2 = own }
	tls own { certificate = {"$tmp/one.crt"}  key = {"$tmp/one.key"} }
	backend sink { protocol = discard }
	route in { rcpt-domain = {"example.org"}  backend = sink }
	END2
	workers=$(kids "$gw_pid")
	# What is made once is not theirs.
	idle "warm$2$4" 20 "$port1" "$3" "$4"
	go
	# shellcheck disable=SC2086 # words are wanted
	before=$(memory_of $workers)
	idle "idle$2$4" $clients "$port1" "$3" "$4"
	check "$1: $clients clients" grep '^there' "$tmp/idle$2$4.log"
	# shellcheck disable=SC2086
	each=$((($(memory_of $workers) - before) * 1024 / clients))
	at_most "$1: an idle client costs $each octets of memory, at most $5" \
	    $each "$5"
	go
	equal "$1: they are all still served" "$code" 0
	stop "$gw_pid"
	equal "$1: posternd ends well" "$code" 0
}
cost "STARTTLS, TLS 1.3" starttls 1 1.3 24576
cost "STARTTLS, TLS 1.2" starttls 1 1.2 24576
cost "TLS 1.3 from the first byte on" tls 0 1.3 24576
finish
