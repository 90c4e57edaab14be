# s_client.pl ARGS...: openssl s_client with ARGS says EHLO and QUIT, each when
# the reply before is there; prints all that it printed.  (QUIT in small letters: a
# capital Q would be a command to s_client itself.)  With SAY in the
# environment, its lines are said between the two.
use strict;
use warnings;
use IPC::Open2;
use IO::Select;

$SIG{PIPE} = 'IGNORE';
my @say = split /\n/, $ENV{SAY} // '';
my $pid = open2(my $out, my $in, 'sh', '-c', 'exec openssl s_client "$@" 2>&1',
    's_client', @ARGV);
my $all = '';
my $seen = 0;

# Until a line matches from where the last one did; false at the end.
sub until_line {
	my ($re) = @_;
	while (1) {
		pos($all) = $seen;
		if ($all =~ /$re/gm) {
			$seen = pos $all;
			return 1;
		}
		IO::Select->new($out)->can_read(20) or return 0;
		sysread $out, $all, 65536, length $all or return 0;
	}
}
sub say_line { syswrite $in, "$_[0]\r\n"; }

# Behind STARTTLS s_client has taken the greeting and the replies to its EHLO, but
# shows the last line of them.  Replies, other than its own lines, end with CR LF;
# and they may come in the middle of such a line, which it has buffered.
my $starttls = grep { $_ eq '-starttls' } @ARGV;
if (until_line($starttls ? qr/250 [^\r\n]*\r?\n/ : qr/220 [^\r\n]*\r\n/)) {
	say_line('EHLO client.example.net');
	if (until_line(qr/(?:250|[45]\d\d) [^\r\n]*\r\n/)) {
		for (@say) {
			# A single letter is a command to s_client: no reply.
			say_line($_);
			last unless /^.$/ || until_line(qr/[2345]\d\d [^\r\n]*\r\n/);
		}
		say_line('quit');
		until_line(qr/221 [^\r\n]*\r\n/);
	}
}
close $in;
1 while sysread $out, $all, 65536, length $all;
waitpid $pid, 0;
$all =~ s/(?<=[^\n])(?=[2345]\d\d[ -][^\r\n]*\r\n)/\n/g;
print $all;
