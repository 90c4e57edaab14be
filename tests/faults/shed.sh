#!/bin/sh
# shed.sh: who has to go when descriptors run out: the client that was silent
# longest first, and none that is trusted.  Who may stay for how long is in
# tests/scripts/memory-shed*.smtp, where time is not the machine's.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl

cat >"$tmp/limited" <<END2
#!/bin/sh
ulimit -n 64
exec '$POSTERND' "\$@"
END2
chmod +x "$tmp/limited"
real=$POSTERND
POSTERND=$tmp/limited
must gateway gw <<END2
hostname = "gw.example.org"
workers  = 1
listen mx {
	address    = {"127.0.0.1:@PORT1@"}
	proxy-from = {"127.0.0.1"}
	unlimited  = {"198.51.100.0/24"}
}
backend sink { protocol = discard }
route sunk { rcpt-domain = {"example.org"}  backend = sink }
END2
POSTERND=$real

# shellcheck disable=SC2016 # perl's variables
out=$(wire -Mwire -MIO::Select -e '
	my ($to) = @ARGV;
	my @order;
	sub come {
		my ($ip) = @_;
		my $c = wire->to($to);
		$c->put("PROXY TCP4 $ip 127.0.0.1 4711 25\r\n");
		return $c;
	}
	sub said { return IO::Select->new($_[0]{s})->can_read($_[1]) }
	sub is_gone {
		my ($c) = @_;
		return 0 if !said($c, 0);
		return $c->rest =~ /^421 4\.3\.2 / ? 1 : die "no 421\n";
	}
	my %c;
	for my $n (qw(trusted old older-not)) {
		$c{$n} = come($n eq "trusted" ? "198.51.100.1" : "192.0.2.1");
		$c{$n}->hello;
	}
	# The one that came first spoke last.
	$c{"old"}->ask("NOOP", 250);
	select undef, undef, undef, 1.3;
	my @more;
	# Each new one wants a place; the last of them finds none.
	for (1 .. 70) {
		my $m = come("192.0.2.2");
		push @more, $m;
		last if !said($m, 0.7);
		$m->want(220, "a greeting");
		for (grep { $c{$_} && is_gone($c{$_}) } sort keys %c) {
			push @order, $_;
			delete $c{$_};
		}
	}
	print "gone: @order\n";
	print "stays: @{[sort keys %c]}\n";
	$c{$_}->ask("NOOP", 250) for sort keys %c;
	print "served\n"' "127.0.0.1:$port1" 2>&1)
equal "who was silent longest goes first, and not who may stay" "$out" \
    "gone: older-not old
stays: trusted
served"
matches "the log says why" "$(cat "$gw_log")" \
    'level=error .*few descriptors are left; idle sessions closed for it'
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
