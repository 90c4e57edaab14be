#!/bin/sh
# bytes.sh: a corpus of odd messages, by DATA and by BDAT, in one write and in
# pieces of odd sizes, through an SMTP and an LMTP backend.  What arrives is
# compared octet by octet with what was sent; only our Received is in front.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl

must wire_sink smtp
smtp_port=$wire_port
must wire_sink lmtp lmtp 1
lmtp_port=$wire_port

must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
limits { message-size = 60M  header-size = 4M  header-count = 4000 }
spool  { directory = "$tmp/spool"  memory = 256K }
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend smtp {
	protocol = smtp
	check { interval = 100ms }
	server one { address = "127.0.0.1:$smtp_port" }
}
backend lmtp {
	protocol = lmtp
	check { interval = 100ms }
	server one { address = "127.0.0.1:$lmtp_port" }
}
route smtp { rcpt-domain = {"smtp.example.org"}  backend = smtp }
route lmtp { rcpt-domain = {"lmtp.example.org"}  backend = lmtp }
END

# What the servers take is offered when the checks have asked them.
cat >"$tmp/offer.pl" <<'END'
use strict;
use wire;
my $c = wire->to($ARGV[0]);
$c->reply;
print $c->ask('EHLO client.example.net', 250);
END
offered() { wire "$tmp/offer.pl" "127.0.0.1:$port1" | grep -q 8BITMIME; }
check "EHLO offers what the servers take" wait_until 10 offered

cat >"$tmp/bytes.pl" <<'END'
use strict;
use wire;
my ($to, $dir) = @ARGV;
$| = 1;

# --- the corpus ---------------------------------------------------------------

my $head = "From: a\@example.net\r\nSubject: bytes\r\n\r\n";
my (@order, %mail);
sub one { my ($name, $m) = @_; push @order, $name; $mail{$name} = $m; }

one('empty', '');
one('one empty line', "\r\n");
one('only a header', "Subject: alone\r\n");
one('a header and the empty line', "Subject: alone\r\n\r\n");
one('no header', "just\r\ntext\r\n");
one('no header, an empty line first', "\r\njust\r\ntext\r\n");
one('empty lines first', "\r\n" x 20 . "text\r\n");
one('empty lines last', $head . "text\r\n" . "\r\n" x 20);
one('blanks first', "  \t \r\n" . $head . "text\r\n");
one('a continuation first', " folded\r\n\tagain\r\nSubject: x\r\n\r\ntext\r\n");
one('lines of blanks', $head . " \r\n\t\r\n \t \r\n" x 50);
one('blanks at line ends', $head . "text \r\nmore\t\r\n \r\n");
one('no final line end', $head . "text");
one('no final line end, a dot', $head . "text\r\n.");
one('only a dot', ".\r\n");
one('only two dots', "..\r\n");
one('a dot and text', ".x\r\n");
one('dots', $head . join('', map { '.' x $_ . "\r\n" } 0 .. 70));
one('dots and text', $head . join('', map { '.' x $_ . "x\r\n" } 0 .. 70));
one('dots behind blanks', $head . " .\r\n\t.\r\nx.\r\n");
one('dots in the header', ".Subject: x\r\n.\r\n..\r\n\r\n.\r\n");
one('many dots', $head . ".\r\n" x 30000);
one('many empty lines', $head . "\r\n" x 60000);
one('a dot at the end', $head . "text\r\n.\r\n");
one('two dots at the end', $head . "text\r\n..\r\n");
one('what looks like the end and more', $head .
    "text\r\n.\r\nMAIL FROM:<evil\@example.net>\r\nRCPT TO:<x\@smtp.example.org>\r\n" .
    "DATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\nQUIT\r\n");
one('commands', "RSET\r\nQUIT\r\nDATA\r\nBDAT 3 LAST\r\nSTARTTLS\r\n");
one('every octet', $head . join('', map { chr } 1 .. 9, 11, 12, 14 .. 255) . "\r\n");
one('every octet first on a line', $head .
    join('', map { chr($_) . "x\r\n" } 1 .. 9, 11, 12, 14 .. 255));
one('every octet first in the message', join('', map { chr } 128 .. 255) . "\r\n");
one('8 bits in the header', "Subject: gr\xc3\xbc\xc3\x9fe \xff\xfe\r\n" .
    "X-\xe9: x\r\n\r\n\x80\xff\r\n");
one('UTF-8 BOM', "\xef\xbb\xbfSubject: x\r\n\r\n\xef\xbb\xbftext\r\n");
one('UTF-16 of a sort', $head . "\xff\xfea\x01b\x01\x0b\x01\r\n");
one('control characters', $head . "\x01\x02\x07\x08\x0b\x0c\x1a\x1b[2J\x7f\r\n");
one('mbox', "From a\@example.net Sat Jan  1 00:00:00 2000\r\n" . $head .
    "From the start\r\n>From\r\n");
for my $n (77, 997, 998, 999, 1000, 1001, 2047, 2048, 4095, 4096, 8190, 16383,
    16384, 32767, 65534, 65535, 65536, 65537, 262143, 1048577) {
	one("a line of $n", $head . 'x' x $n . "\r\nmore\r\n");
}
one('a line of 64K first', 'y' x 65536 . "\r\n");
one('a header field of 64K', 'X-Long: ' . 'y' x 65536 . "\r\n\r\ntext\r\n");
one('a folded field of 3000 lines', "X-Long: y\r\n" . " z\r\n" x 3000 .
    "\r\ntext\r\n");
one('3000 header fields', join('', map { "X-$_: $_\r\n" } 1 .. 3000) . "\r\nx\r\n");
one('lines of 64K', $head . ('z' x 65534 . "\r\n") x 16);
one('lines of 64K with dots', $head . ('.' . 'z' x 65533 . "\r\n") x 8);
# A dot, CR and LF at each place where blocks may end.
for my $n (255, 256, 1024, 4096, 16384, 65536, 262144) {
	for my $i (-3 .. 3) {
		my $pad = $n + $i - length($head);
		one("a dot at $n" . sprintf('%+d', $i), $head .
		    'p' x ($pad > 2 ? $pad - 2 : 0) . "\r\n.\r\n..x\r\n");
	}
}
my $x = 12345;
my $noise = '';
while (length $noise < 300000) {
	$x = ($x * 1103515245 + 12345) % 2147483648;
	my $o = ($x >> 16) % 256;
	$noise .= $o == 0 || $o == 10 || $o == 13 ? "\r\n" . '.' x ($x % 3) : chr $o;
}
one('noise', "$head$noise\r\n");

# --- ways in --------------------------------------------------------------------

sub stuffed {
	my ($m) = @_;
	$m =~ s/^\./../;
	$m =~ s/\r\n\./\r\n../g;
	return "$m.\r\n" if $m eq '' || $m =~ /\r\n\z/;
	return undef;
}
sub pieces {
	my ($m, @sizes) = @_;
	my (@p, $at, $i);
	for ($at = 0, $i = 0; $at < length $m; $i++) {
		my $n = $sizes[$i % @sizes];
		push @p, substr $m, $at, $n;
		$at += $n;
	}
	return @p;
}
my %way = (
	'DATA' => sub {
		my ($c, $m) = @_;
		defined(my $d = stuffed($m)) or return 0;
		$c->ask('DATA', 354);
		$c->put($d);
		return 1;
	},
	'DATA in pieces' => sub {
		my ($c, $m) = @_;
		defined(my $d = stuffed($m)) or return 0;
		$c->ask('DATA', 354);
		$c->put(length $d < 300 ? split(//, $d)
		    : pieces($d, 1, 2, 3, 1021, 7, 4099, 65537));
		return 1;
	},
	'BDAT' => sub {
		my ($c, $m) = @_;
		$c->put('BDAT ' . length($m) . " LAST\r\n$m");
		return 1;
	},
	'BDAT, odd chunks' => sub {
		my ($c, $m) = @_;
		my @p = length $m < 300 ? split(//, $m)
		    : pieces($m, 1, 13, 1021, 4099, 65537);
		for (@p) {
			$c->put('BDAT ' . length($_) . "\r\n$_");
			$c->want(250, 'a chunk');
		}
		$c->put("BDAT 0 LAST\r\n");
		return 1;
	},
	'BDAT, pipelined' => sub {
		my ($c, $m) = @_;
		my @p = pieces($m, 0, 3, 777, 20011, 1, 131071);
		$c->put(join('', map { 'BDAT ' . length($_) . "\r\n$_" } @p) .
		    "BDAT 000 LAST\r\n");
		$c->want(250, 'a chunk') for @p;
		return 1;
	},
);

# --- there and back ---------------------------------------------------------------

sub arrived {
	my ($via, $name) = @_;
	local $/;
	open my $f, '<:raw', "$dir/$via/$name" or return undef;
	my $got = <$f>;
	unlink "$dir/$via/$name";
	return $got;
}
# differs GOT SENT: undef if not
sub differs {
	my ($got, $m) = @_;
	return 'nothing arrived' unless defined $got;
	$got =~ s/^Received: from client\.example\.net .*?;\r\n\t[^\r]*\r\n//s
	    or return 'there is no Received in front: ' . substr $got, 0, 80;
	$m .= "\r\n" if $m ne '' && $m !~ /\r\n\z/;
	return undef if $got eq $m;
	my $at = 0;
	$at++ while $at < length $m && substr($got, $at, 1) eq substr($m, $at, 1);
	return sprintf 'length %d, not %d; differs at %d', length $got, length $m,
	    $at;
}

my ($conn, $n) = (undef, 0);
sub through {
	my ($via, $way, $name) = @_;
	$conn //= do { my $c = wire->to($to); $c->hello; $c };
	$n++;
	$conn->ask('MAIL FROM:<a@example.net> BODY=8BITMIME', 250);
	$conn->ask("RCPT TO:<n$n\@$via.example.org>", 250);
	$way{$way}->($conn, $mail{$name}) or do {
		$conn->ask('RSET', 250);
		return 'skipped';
	};
	my $r = $conn->reply // 'closed';
	return "answer: $r" if $r !~ /^250/;
	return differs(arrived($via, "n$n"), $mail{$name});
}

for my $via ('smtp', 'lmtp') {
	for my $way (sort keys %way) {
		my ($good, @bad) = (0);
		my $all = @order;
		for my $name (@order) {
			my $why = eval { through($via, $way, $name) };
			$why = $@ if $@;
			if (defined $why && $why eq 'skipped') {
				$all--;
			} elsif (defined $why) {
				push @bad, "$name: $why";
				$conn = undef;
			} else {
				$good++;
			}
			# Only so many commands without mail.
			$conn = undef if $n % 40 == 0;
		}
		print "$via by $way: ",
		    @bad || $good != $all ? "bad\n" : "all of $all\n";
		print "    $_\n" for @bad;
	}
}

# 50 MB, of which each line says where it belongs.
if (@ARGV > 2) {
	my $big = $head;
	my $i = 0;
	while (length $big < 50 << 20) {
		$big .= '.' x ($i % 3) . $i++ . '-' x ($i % 61) . "\xe4\r\n";
	}
	$mail{big} = $big;
	for (['smtp', 'DATA'], ['lmtp', 'BDAT, odd big chunks']) {
		my ($via, $way) = @$_;
		$way{'BDAT, odd big chunks'} = sub {
			my ($c, $m) = @_;
			for (pieces($m, 3000001, 77, 9999991)) {
				$c->put('BDAT ' . length($_) . "\r\n$_");
				$c->want(250, 'a chunk');
			}
			return $c->put("BDAT 0 LAST\r\n");
		};
		$conn = undef;
		my $why = eval { through($via, $way, 'big') };
		$why = $@ if $@;
		print "50 MB to $via: ", defined $why ? "bad: $why\n" : "whole\n";
	}
}
END

out=$(wire "$tmp/bytes.pl" "127.0.0.1:$port1" "$tmp" big 2>&1)
for via in smtp lmtp; do
	for way in 'DATA' 'DATA in pieces' 'BDAT' 'BDAT, odd chunks' \
	    'BDAT, pipelined'; do
		line=$(printf '%s\n' "$out" | grep "^$via by $way:")
		case $line in
		*": all of "*) ok "$line arrive octet by octet" ;;
		*)
			not_ok "$via by $way" "$(printf '%s\n' "$out" |
			    awk -v w="$via by $way:" 'index($0, w) == 1 { p = 1; print; next }
				/^[^ ]/ { p = 0 } p')"
			;;
		esac
	done
	matches "50 MB to $via arrive octet by octet" "$out" "^50 MB to $via: whole"
done
equal "nothing else arrived" "$(find "$tmp/smtp" "$tmp/lmtp" -type f)" ""
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
