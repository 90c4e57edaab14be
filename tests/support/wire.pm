# wire.pm: a client and a server that do what no proper program does, for the
# scripts of tests/interop and tests/faults.  Used with
#
#	perl -I"$top/tests/support" -Mwire SCRIPT
#
#	my $c = wire->to("127.0.0.1:25", LocalAddr => "127.0.0.2");
#	$c->put(OCTETS...)		each in a write of its own
#	$c->reply			one reply, all its lines; undef at the end
#	$c->ask(LINE, CODE)		sends a line; dies if CODE is not the answer
#	$c->hello			greeting and EHLO
#	$c->rest			all that comes until the end
#	$c->start_tls			handshake (Net::SSLeay); then as before
#
#	wire::serve(%how)		never returns; see there

package wire;
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

our $timeout = 30;

sub to {
	my ($class, $peer, %more) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => $peer, %more)
	    or die "connect to $peer: $!\n";
	setsockopt($s, IPPROTO_TCP, TCP_NODELAY, 1);
	$s->autoflush(1);
	binmode $s;
	return bless { s => $s, in => '' }, $class;
}

sub put {
	my ($c, @octets) = @_;
	local $SIG{PIPE} = 'IGNORE';
	for my $o (@octets) {
		if ($c->{tls}) {
			Net::SSLeay::write($c->{tls}, $o);
			next;
		}
		my $at = 0;
		while ($at < length $o) {
			my $n = syswrite($c->{s}, $o, length($o) - $at, $at);
			return 0 unless defined $n;
			$at += $n;
		}
	}
	return 1;
}

sub fill {
	my ($c) = @_;
	my $some;
	if ($c->{tls}) {
		$some = Net::SSLeay::read($c->{tls});
		return 0 unless defined $some && length $some;
	} else {
		return 0 unless IO::Select->new($c->{s})->can_read($timeout);
		my $n = sysread($c->{s}, $some, 65536);
		return 0 unless $n;
	}
	$c->{in} .= $some;
	return 1;
}

sub line {
	my ($c) = @_;
	until ($c->{in} =~ /\n/) {
		return undef unless $c->fill;
	}
	$c->{in} =~ s/^(.*?\n)//s;
	return $1;
}

sub reply {
	my ($c) = @_;
	my $all = '';
	while (defined(my $l = $c->line)) {
		$all .= $l;
		return $all if $l =~ /^\d{3} /;
	}
	return undef;
}

sub want {
	my ($c, $code, $what) = @_;
	my $got = $c->reply;
	defined $got or die "closed, wanted $code for $what\n";
	$got =~ /^$code/ or die "wanted $code for $what, got $got";
	return $got;
}

sub ask {
	my ($c, $line, $code) = @_;
	$c->put("$line\r\n");
	return $c->want($code, substr($line, 0, 60));
}

sub hello {
	my ($c) = @_;
	$c->want(220, 'greeting');
	return $c->ask('EHLO client.example.net', 250);
}

sub rest {
	my ($c) = @_;
	1 while $c->fill;
	my $all = $c->{in};
	$c->{in} = '';
	return $all;
}

sub start_tls {
	my ($c, $version) = @_;
	require Net::SSLeay;
	Net::SSLeay::initialize();
	my $ctx = Net::SSLeay::CTX_new() or die "no TLS\n";
	Net::SSLeay::CTX_set_max_proto_version($ctx, 0x0303)
	    if ($version // '') eq '1.2';
	my $t = Net::SSLeay::new($ctx);
	Net::SSLeay::set_fd($t, fileno $c->{s});
	Net::SSLeay::connect($t) == 1 or die "TLS handshake failed\n";
	$c->{tls} = $t;
	return $c;
}

# serve: an SMTP or LMTP server that writes each message, as it came but for
# the stuffed dots, into a file of its own.
#	port_file	where its port is written
#	dir		directory of the messages: the recipient's local part, and
#			-1, -2 ... if that is there already
#	lmtp		LHLO, and a reply for each recipient
#	lenient		ends data where any server ever did: the end may be made of
#			CR, LF or NUL where CR LF should be, and lines, too
sub serve {
	my (%how) = @_;
	my $l = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1:0')
	    or die "listen: $!";
	open my $f, '>', "$how{port_file}.new" or die;
	print $f $l->sockport, "\n";
	close $f;
	rename "$how{port_file}.new", $how{port_file};
	local $SIG{PIPE} = 'IGNORE';
	my $sel = IO::Select->new($l);
	my %conn;
	while (1) {
		for my $s ($sel->can_read) {
			if ($s == $l) {
				my $c = $l->accept or next;
				setsockopt($c, IPPROTO_TCP, TCP_NODELAY, 1);
				$sel->add($c);
				$conn{$c} = { in => '', s => $c, %how };
				syswrite $c, "220 sink.example.org\r\n";
				next;
			}
			my $c = $conn{$s};
			my $n = sysread $s, $c->{in}, 262144, length $c->{in};
			if ($n && serve_some($c)) {
				next;
			}
			$sel->remove($s);
			delete $conn{$s};
			close $s;
		}
	}
}

sub serve_some {
	my ($c) = @_;
	while (1) {
		if ($c->{data}) {
			serve_data($c) or return 1;
			next;
		}
		my $end = $c->{lenient} ? qr/[\r\n]+/ : qr/\r\n/;
		$c->{in} =~ s/^[\r\n\0]+// if $c->{lenient};
		$c->{in} =~ s/^(.*?)$end//s or return 1;
		my $r = serve_command($c, $1);
		$r = join '', map { "$_\r\n" } @$r;
		syswrite $c->{s}, $r;
		return 0 if $r =~ /^221/;
	}
}

# Looks only at what is new, for there may be 50 MB.
sub serve_data {
	my ($c) = @_;
	my $end = $c->{lenient} ? qr/[\r\n\0]\.[\0\r]*[\r\n]/
	    : qr/\r\n\.\r\n/;
	pos($c->{in}) = $c->{seen} > 8 ? $c->{seen} - 8 : 0;
	if ($c->{in} !~ /$end/g) {
		$c->{seen} = length $c->{in};
		return 0;
	}
	# The two octets in front are CR LF of our own: see DATA.
	my $m = substr $c->{in}, 2, $-[0] - ($c->{lenient} ? 1 : 0);
	substr($c->{in}, 0, $+[0]) = '';
	$m =~ s/^\.//;
	$m =~ s/\r\n\./\r\n/g;
	serve_store($c, $m);
	my $n = $c->{lmtp} ? @{$c->{rcpt}} : 1;
	syswrite $c->{s}, "250 2.0.0 kept\r\n" x $n;
	$c->{data} = 0;
	$c->{rcpt} = [];
	return 1;
}

sub serve_store {
	my ($c, $m) = @_;
	my $to = $c->{rcpt}[0] // 'nobody';
	$to =~ s/@.*//;
	$to =~ s/[^A-Za-z0-9._-]/_/g;
	my ($name, $i) = ("$c->{dir}/$to", 0);
	while (-e $name) {
		$i++;
		$name = "$c->{dir}/$to-$i";
	}
	open my $f, '>:raw', $name or die "$name: $!";
	print $f $m;
	close $f;
}

sub serve_command {
	my ($c, $l) = @_;
	if ($l =~ /^(LHLO|EHLO|HELO)/i) {
		return ['250-sink.example.org', '250-PIPELINING', '250-8BITMIME',
		    '250 ENHANCEDSTATUSCODES'];
	}
	if ($l =~ /^(MAIL|RSET)/i) {
		$c->{rcpt} = [];
		return ['250 2.1.0 ok'];
	}
	if ($l =~ /^RCPT TO:<(.*?)>/i) {
		push @{$c->{rcpt}}, $1;
		return ['250 2.1.5 ok'];
	}
	if ($l =~ /^DATA/i && @{$c->{rcpt} // []}) {
		# So that a dot on the first line is the end, too.
		$c->{in} = "\r\n$c->{in}";
		$c->{data} = 1;
		$c->{seen} = 0;
		return ['354 go ahead'];
	}
	return ['221 2.0.0 bye'] if $l =~ /^QUIT/i;
	return ['503 5.5.1 no recipient'] if $l =~ /^DATA/i;
	return ['250 2.0.0 ok'] if $l =~ /^NOOP/i;
	return ['500 5.5.1 what?'];
}

1;
