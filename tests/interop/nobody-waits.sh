#!/bin/sh
# nobody-waits.sh: with one worker, three clients wait at the same time: one for a
# DNS server that never answers, one for an rspamd that accepts and says nothing,
# one for the FAIL of a real Dovecot, which comes two seconds late.  A fourth, that
# needs none of them, is answered while all three are outstanding.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/dovecot.sh
. "$top/tests/support/dovecot.sh"
need perl
need_dovecot

dovecot_user alice wonderland
must dovecot_start auth-client <<END
auth_failure_delay = 2 secs
service auth {
  unix_listener auth-client {
    mode = 0666
  }
}
END

# Notes what it is asked, and never answers.
cat >"$tmp/silent.pl" <<'END'
use strict;
use IO::Select;
use IO::Socket::INET;
my ($dir) = @ARGV;
sub note { open my $f, '>>', "$dir/$_[0]"; print $f "$_[1]\n"; }
my $dns = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1:0') or die;
my $web = IO::Socket::INET->new(Listen => 9, LocalAddr => '127.0.0.1:0') or die;
my $sel = IO::Select->new($dns, $web);
note('ports', $dns->sockport . ' ' . $web->sockport);
while (1) {
	for my $s ($sel->can_read) {
		if ($s == $web) {
			$sel->add($web->accept);
		} elsif ($s == $dns) {
			$dns->recv(my $q, 512);
			note('dns', 'asked');
		} elsif (sysread $s, my $in, 65536) {
			note('rspamd', 'asked') if $in =~ m{^POST /checkv2};
		} else {
			$sel->remove($s);
		}
	}
}
END
run silent perl "$tmp/silent.pl" "$tmp"
must wait_until 10 test -s "$tmp/ports"
read -r dns_port rspamd_port <"$tmp/ports"

must gateway gw <<END
hostname = "gw.example.org"
workers  = 1
resolver { servers = {"127.0.0.1:$dns_port"}  timeout = 6s  retry = 2s }
listen mx {
	address    = {"127.0.0.1:@PORT1@"}
	proxy-from = {"127.0.0.1"}
	filters    = {names, spam}
}
listen submission {
	address        = {"127.0.0.1:@PORT2@"}
	auth           = people
	auth-plaintext = yes
}
listen plain { address = {"127.0.0.1:@PORT3@"} }
rdns names { deny = {none}  except = {"10.0.0.0/8"} }
rspamd spam {
	server     = {"http://127.0.0.1:$rspamd_port"}
	on-unknown = defer
	timeout    = 9s
}
dovecot-auth people { socket = "$dovecot_run/auth-client" }
backend sink { protocol = discard }
route all { rcpt-domain = {"example.org"}  backend = sink }
END

# Each line of what it prints is an event, in the order in which they were.
cat >"$tmp/clients.pl" <<'END'
use strict;
use wire;
use IO::Select;
my ($mx, $submission, $plain, $dir, $log, $try) = @ARGV;
$| = 1;
sub until_in {
	my ($file, $what) = @_;
	for (1 .. 1000) {
		if (open my $f, '<', $file) {
			return if grep { /$what/ } <$f>;
		}
		select undef, undef, undef, 0.01;
	}
	die "no $what in $file\n";
}
sub begin {
	my ($port, $greeting) = @_;
	my $c = wire->to("127.0.0.1:$port");
	$c->put($greeting);
	return $c;
}
sub letter {
	my ($c) = @_;
	$c->reply;
	$c->ask($_, $_ eq 'DATA' ? 354 : 250) for 'EHLO client.example.net',
	    'MAIL FROM:<a@example.net>', 'RCPT TO:<b@example.org>', 'DATA';
}
sub waits { $_[0]{in} eq '' && !IO::Select->new($_[0]{s})->can_read(0) }

# The fourth one, up to its final dot: what is left is one answer.
my $free = begin($plain, '');
letter($free);
my %who;
$who{dns} = begin($mx, "PROXY TCP4 192.0.2.$try 192.0.2.99 4000 25\r\n");
until_in("$dir/dns", 'asked');
$who{rspamd} = begin($mx, "PROXY TCP4 10.0.0.1 192.0.2.2 4000 25\r\n");
letter($who{rspamd});
$who{rspamd}->put("Subject: hi\r\n\r\nhello\r\n.\r\n");
until_in("$dir/rspamd", 'asked');
$who{dovecot} = begin($submission, '');
$who{dovecot}->hello;
# alice and a wrong password
$who{dovecot}->put("AUTH PLAIN AGFsaWNlAHdyb25n\r\n");
until_in($log, '[Pp]assword mismatch');

$free->put("Subject: hi\r\n\r\nhello\r\n.\r\n");
print 'free: ', $free->reply;
print waits($who{$_}) ? "$_ waits\n" : "$_ was answered\n" for sort keys %who;
while (%who) {
	my ($s) = IO::Select->new(map { $_->{s} } values %who)->can_read(30) or last;
	for (sort keys %who) {
		next unless $who{$_}{s} == $s;
		print "$_: ", $who{$_}->reply;
		delete $who{$_};
	}
}
END
# A machine that sleeps for two seconds between two events has shown nothing.
# (What the DNS did not know of an address is not asked again at once.)
for _try in 1 2 3; do
	rm -f "$tmp/dns" "$tmp/rspamd"
	: >"$dovecot_log"
	events=$(wire "$tmp/clients.pl" "$port1" "$port2" "$port3" "$tmp" \
	    "$dovecot_log" $_try 2>&1 | tr -d '\r')
	case $events in *'dovecot was answered'*) ;; *) break ;; esac
done
equal "who needs nobody is answered while the others wait, then they are, in turn" \
    "$(echo "$events" | cut -d ' ' -f 1-3)" \
"free: 250 2.0.0
dns waits
dovecot waits
rspamd waits
dovecot: 535 5.7.8
dns: 451 4.7.1
rspamd: 451 4.7.1"
matches "the log: the DNS" "$(cat "$gw_log")" 'filter=names reason=.*timed out'
matches "the log: rspamd" "$(cat "$gw_log")" 'filter=spam reason='
matches "the log: Dovecot" "$(cat "$gw_log")" 'event=auth .*result=refused'
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
