#!/bin/sh
# slow.sh: clients that hold a session as long as they can, an octet at a time
# or with nothing at all, in each of its states.  Each is ended by the time-out
# of that state, is told so where it can be told, and is in the log with the
# reason; all the while mail passes.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl openssl

# Each client has an address of its own, so that the log can be read.
if ! free_port 127.0.0.3 >/dev/null 2>&1; then
	not_run slow "127.0.0.3 is no address of this machine"
	finish
fi

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/key" -out "$tmp/crt" \
    -days 2 -subj /CN=gw.example.org >/dev/null 2>&1
must test -s "$tmp/crt"
must wire_sink sink
direct_port=$(free_port)
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
limits {
	proxy-timeout   = 700ms
	tls-timeout     = 800ms
	command-timeout = 900ms
	data-timeout    = 1s
	data-rate       = 1000
	session-timeout = 3s
	noops           = 1000
}
listen mx { address = {"127.0.0.1:@PORT1@"}  starttls = own }
listen direct { address = {"127.0.0.1:$direct_port"}  tls = own }
listen proxied {
	address    = {"127.0.0.1:@PORT2@"}
	proxy-from = {"127.0.0.0/8"}
	starttls   = own
}
tls own { certificate = {"$tmp/crt"}  key = {"$tmp/key"} }
backend sink {
	protocol = smtp
	server one { address = "127.0.0.1:$wire_port" }
}
route in { rcpt-domain = {"example.org"}  backend = sink }
END

# Prints for each: NAME, address, what it heard last, all in one line.
cat >"$tmp/slow.pl" <<'END'
use strict;
use wire;
my ($mx, $direct, $proxied) = map { "127.0.0.1:$_" } @ARGV;
$| = 1;
# Above all that could end a client, far below what the test may take.
$wire::timeout = 40;

sub envelope {
	my ($c) = @_;
	$c->ask('MAIL FROM:<slow@example.net>', 250);
	$c->ask('RCPT TO:<slow@example.org>', 250);
}
sub secure {
	my ($c) = @_;
	$c->hello;
	$c->ask('STARTTLS', 220);
	$c->start_tls;
	$c->ask('EHLO client.example.net', 250);
}
my $hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'r' x 400;
# name => [port, how far it goes, what it drips then; undef: nothing]
my @slow = (
	['PROXY v1, dripping', $proxied, undef,
	    'PROXY TCP4 192.0.2.1 192.0.2.2 4711 25'],
	['PROXY v2, dripping', $proxied, undef,
	    "\r\n\r\n\0\r\nQUIT\n\x21\x11\x02\x00" . "\0" x 512],
	['PROXY, silent', $proxied, undef, undef],
	['handshake, dripping', $direct, undef, $hello],
	['handshake, silent', $direct, undef, undef],
	['handshake behind STARTTLS, dripping', $mx,
	    sub { $_[0]->hello; $_[0]->ask('STARTTLS', 220) }, $hello],
	['handshake behind STARTTLS, silent', $mx,
	    sub { $_[0]->hello; $_[0]->ask('STARTTLS', 220) }, undef],
	['greeting, silent', $mx, sub { $_[0]->want(220, 'greeting') }, undef],
	['EHLO, dripping', $mx, sub { $_[0]->want(220, 'greeting') },
	    'EHLO ' . 'a' x 200],
	['behind EHLO, silent', $mx, sub { $_[0]->hello }, undef],
	['command, dripping', $mx, sub { $_[0]->hello },
	    'MAIL FROM:<' . 'a' x 200],
	['behind MAIL, silent', $mx,
	    sub { $_[0]->hello; $_[0]->ask('MAIL FROM:<slow@example.net>', 250) },
	    undef],
	['behind RCPT, silent', $mx, sub { $_[0]->hello; envelope($_[0]) }, undef],
	['DATA, silent', $mx,
	    sub { $_[0]->hello; envelope($_[0]); $_[0]->ask('DATA', 354) }, undef],
	['DATA header, dripping', $mx,
	    sub { $_[0]->hello; envelope($_[0]); $_[0]->ask('DATA', 354) },
	    'X-Slow: ' . 'a' x 500],
	['DATA body, dripping', $mx,
	    sub { $_[0]->hello; envelope($_[0]); $_[0]->ask('DATA', 354);
		$_[0]->put("Subject: slow\r\n\r\n") }, "a\r\n" x 200],
	['DATA end, dripping', $mx,
	    sub { $_[0]->hello; envelope($_[0]); $_[0]->ask('DATA', 354);
		$_[0]->put("Subject: slow\r\n\r\n") }, "..\r\n" x 200],
	['BDAT chunk, silent', $mx,
	    sub { $_[0]->hello; envelope($_[0]); $_[0]->put("BDAT 1000 LAST\r\n") },
	    undef],
	['BDAT chunk, dripping', $mx,
	    sub { $_[0]->hello; envelope($_[0]); $_[0]->put("BDAT 1000 LAST\r\n") },
	    'a' x 900],
	['between BDAT chunks, silent', $mx,
	    sub { $_[0]->hello; envelope($_[0]); $_[0]->put("BDAT 3\r\na\r\n");
		$_[0]->want(250, 'a chunk') }, undef],
	['refused BDAT chunk, dripping', $mx,
	    sub { $_[0]->hello; $_[0]->put("BDAT 1000 LAST\r\n") }, 'a' x 900],
	['NOOP again and again', $mx, sub { $_[0]->hello },
	    "NOOP\r\n" x 200],
	['behind STARTTLS, silent', $mx, \&secure, undef],
	['behind STARTTLS, command, dripping', $mx, \&secure,
	    'MAIL FROM:<' . 'a' x 200],
	['behind STARTTLS, a record, dripping', $mx,
	    sub { secure($_[0]); $_[0]{raw} = 1 },
	    "\x17\x03\x03\x01\x00" . 'a' x 250],
	['behind STARTTLS, DATA, dripping', $mx,
	    sub { secure($_[0]); envelope($_[0]); $_[0]->ask('DATA', 354) },
	    "a\r\n" x 200],
	['PROXY and STARTTLS, silent', $proxied,
	    sub { $_[0]->put("PROXY TCP4 127.0.1.77 127.0.0.1 4711 25\r\n");
		secure($_[0]) }, undef],
);

sub play {
	my ($name, $port, $way, $drip) = @{$_[0]};
	my $c = wire->to($port, LocalAddr => $_[1]);
	$way->($c) if $way;
	# Until the other side has ended it.
	my $s = IO::Select->new($c->{s});
	for my $o (defined $drip ? split //, $drip : ()) {
		last if $s->can_read(0.05) && (!$c->fill || $c->{in} =~ /^421/m);
		if ($c->{raw}) { syswrite $c->{s}, $o } else { $c->put($o) }
	}
	my $all = $c->rest;
	$all =~ s/\r?\n\z//;
	$all =~ s/\r?\n/ | /g;
	$all =~ s/[^ -~]/?/g;
	$all =~ s/^(?:250 2\.0\.0 ok \| )+//;
	return $all eq '' ? 'closed' : $all;
}

my @kids;
local $SIG{PIPE} = 'IGNORE';
for my $i (0 .. $#slow) {
	my $pid = fork // die 'fork';
	if ($pid == 0) {
		my $from = '127.0.1.' . ($i + 10);
		my $heard = eval { play($slow[$i], $from) } // "died: $@";
		print "$from\t$slow[$i][0]\t$heard\n";
		exit 0;
	}
	push @kids, $pid;
}
waitpid $_, 0 for @kids;
END

run slow perl -I"$top/tests/support" "$tmp/slow.pl" "$port1" "$direct_port" "$port2"
slow_pid=$pid
# Mail while they hold on: one message after the other, until they are gone.
served=0 unserved=0
while ! gone_or_zombie "$slow_pid"; do
	gen -n 20 -c 4 --to user@example.org "127.0.0.1:$port1"
	served=$((served + $(field ok "$gen_out")))
	[ "$(field ok "$gen_out")" = 20 ] || unserved=$((unserved + 1))
done
at_least "mail passes beside them" "$served" 40
equal "and none has to wait or is refused" $unserved 0

# ended NAME REPLY LOG: what it heard last, and what the log says of it
ended() {
	line=$(grep "	$1	" "$tmp/slow.log")
	from=${line%%	*}
	case $2 in
	'^closed$') matches "$1: the connection is closed" "${line##*	}" "$2" ;;
	*) matches "$1: it is told so, 421" "${line##*	}" "$2" ;;
	esac
	_pattern=$(printf '%s\n' "$3" | sed "s/@/$from/")
	if ! wait_until 5 grep -Eq "$_pattern" "$gw_log"; then
		not_ok "$1: the log says why" "$(grep -F "$from" "$gw_log")"
	else
		ok "$1: the log says why"
	fi
}
timeout='421 4\.4\.2 timeout \[[^]]*\]$'
proxy='header missing from a trusted proxy: .*from @ \(no header in time\)'
tls='TLS with @ failed: no handshake in time'
session='event=session .*client=@ .*end=timeout reply="421 4.4.2 timeout'
mail='event=mail .*result=aborted .*client=@ .*end=timeout'
ended 'PROXY v1, dripping' '^closed$' "$proxy"
ended 'PROXY v2, dripping' '^closed$' "$proxy"
ended 'PROXY, silent' '^closed$' "$proxy"
ended 'handshake, dripping' '^closed$' "$tls"
ended 'handshake, silent' '^closed$' "$tls"
ended 'handshake behind STARTTLS, dripping' '^closed$' "$tls"
ended 'handshake behind STARTTLS, silent' '^closed$' "$tls"
for n in 'greeting, silent' 'EHLO, dripping' 'behind EHLO, silent' \
    'command, dripping' 'behind STARTTLS, silent' \
    'behind STARTTLS, command, dripping' 'behind STARTTLS, a record, dripping'; do
	ended "$n" "^$timeout" "$session"
done
for n in 'behind MAIL, silent' 'behind RCPT, silent' 'DATA, silent' \
    'DATA header, dripping' 'DATA body, dripping' 'DATA end, dripping' \
    'BDAT chunk, silent' 'BDAT chunk, dripping' \
    'between BDAT chunks, silent' 'behind STARTTLS, DATA, dripping'; do
	ended "$n" "^$timeout" "$mail"
done
ended 'refused BDAT chunk, dripping' "$timeout" "$session"
ended 'NOOP again and again' '421 4\.4\.2 this session has lasted too long' \
    'event=session .*client=@ .*end=session-timeout'
ended 'PROXY and STARTTLS, silent' "^$timeout" \
    'event=session .*client=127.0.1.77 proxy=@ .*end=timeout'

equal "nothing of theirs is delivered" \
    "$(find "$tmp/sink" -name 'slow*')" ""
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
