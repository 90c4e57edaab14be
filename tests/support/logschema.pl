#!/usr/bin/env perl
# logschema.pl SCHEMA FORMAT <LOG: is each line what the schema says?  FORMAT is
# json or logfmt, whose numbers are digits.  Prints what is wrong, each mistake
# once with the first line that has it, and a last line "LINES lines, WRONG
# wrong".
#
# Knows the words of JSON Schema that our schema uses, and refuses a schema with
# others, so that nothing in it goes unlooked at.

use strict;
use warnings;
use JSON::PP;
use Scalar::Util 'looks_like_number';

my ($file, $format) = @ARGV;
open my $in, '<', $file or die "$file: $!\n";
my $root = decode_json(do { local $/; <$in> });
my %words = map { $_ => 1 } qw($schema $defs title description oneOf anyOf allOf $ref
    type enum const pattern minLength minimum required properties
    unevaluatedProperties);

sub known {
	my ($s, $where) = @_;
	return if ref $s ne 'HASH';
	for my $w (sort keys %$s) {
		die "$where: \"$w\" is not understood\n" if !$words{$w};
		known($_, "$where/$w") for $w =~ /Of$/ ? @{ $s->{$w} } : ();
		next if $w ne 'properties' && $w ne '$defs';
		known($s->{$w}{$_}, "$where/$w/$_") for sort keys %{ $s->{$w} };
	}
}
known($root, '#');

sub resolve {
	my ($to) = @_;
	my $s = $root;
	$s = $s->{$_} // die "$to: there is no such definition\n"
	    for split m{/}, $to =~ s{^#/}{}r;
	return $s;
}

# A number is one that JSON::PP has not read from a string.
sub is_type {
	my ($v, $type) = @_;
	return ref $v eq 'HASH' if $type eq 'object';
	return 0 if ref $v;
	my $text = $format eq 'json' && JSON::PP->new->allow_nonref->encode($v);
	my $number = $format eq 'json' ? $text !~ /^"/ : looks_like_number($v);
	return $format ne 'json' || !$number if $type eq 'string';
	return $number if $type eq 'number';
	return $number && $v =~ /^-?[0-9]+$/ if $type eq 'integer';
	die "type $type is not understood\n";
}

# The mistakes; keys that were looked at are entered into %$seen.
sub mistakes {
	my ($s, $v, $seen, $name) = @_;
	return $s ? () : ("$name must not be there") if ref $s ne 'HASH';
	my @bad;
	push @bad, mistakes(resolve($s->{'$ref'}), $v, $seen, $name)
	    if $s->{'$ref'};
	push @bad, mistakes($_, $v, $seen, $name) for @{ $s->{allOf} // [] };
	if ($s->{oneOf}) {
		my @all = sort { @$a <=> @$b }
		    map { [mistakes($_, $v, {}, $name)] } @{ $s->{oneOf} };
		push @bad, @{ $all[0] };
		push @bad, "more than one definition fits"
		    if @{ $all[0] } == 0 && @{ $all[1] } == 0;
	}
	if ($s->{anyOf}) {
		my @all = map { [mistakes($_, $v, $seen, $name)] } @{ $s->{anyOf} };
		push @bad, @{ $all[0] } if !grep { !@$_ } @all;
	}
	return (@bad, "$name is not of type $s->{type}")
	    if $s->{type} && !is_type($v, $s->{type});
	push @bad, "$name may not be \"$v\""
	    if $s->{enum} && !grep { $_ eq $v } @{ $s->{enum} };
	push @bad, "$name is not \"$s->{const}\""
	    if defined $s->{const} && $v ne $s->{const};
	push @bad, "$name is not as it should: \"$v\""
	    if defined $s->{pattern} && $v !~ /$s->{pattern}/;
	push @bad, "$name is too short"
	    if defined $s->{minLength} && length $v < $s->{minLength};
	push @bad, "$name is less than $s->{minimum}"
	    if defined $s->{minimum} && $v < $s->{minimum};
	push @bad, map { "$_ is missing" }
	    grep { !exists $v->{$_} } @{ $s->{required} // [] };
	for my $key (grep { exists $v->{$_} } sort keys %{ $s->{properties} // {} }) {
		$seen->{$key} = 1;
		push @bad, mistakes($s->{properties}{$key}, $v->{$key}, {}, $key);
	}
	push @bad, map { "$_ is unknown" } grep { !$seen->{$_} } sort keys %$v
	    if exists $s->{unevaluatedProperties};
	return @bad;
}

sub of_logfmt {
	my ($line) = @_;
	my %pairs;
	while ($line =~ /\G ?([a-z_]+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?= |$)/gc) {
		my ($key, $value) = ($1, $2);
		die "$key is there twice\n" if exists $pairs{$key};
		$value =~ s/^"(.*)"$/$1/s;
		$pairs{$key} = $value;
	}
	die "it is no logfmt\n" if (pos($line) // 0) != length $line;
	return \%pairs;
}

# JSON::PP takes the last one of two without a word.
sub of_json {
	my ($line) = @_;
	my %count;
	my $pairs = decode_json($line);
	$count{$1}++ while $line =~ /[{,]"([a-z_]+)":(?:"(?:[^"\\]|\\.)*"|[^",]*)/g;
	$count{$_} > 1 && die "$_ is there twice\n" for sort keys %count;
	return $pairs;
}

my ($lines, $wrong, %said) = (0, 0);
while (my $line = <STDIN>) {
	chomp $line;
	$lines++;
	my $v = eval { $format eq 'json' ? of_json($line) : of_logfmt($line) };
	my @bad = $v ? mistakes($root, $v, {}, 'the line') : ($@ =~ s/\n//r);
	$wrong++ if @bad;
	$said{$_}++ || print "$_: $line\n" for @bad;
}
print "$lines lines, $wrong wrong\n";
exit($lines > 0 && $wrong == 0 ? 0 : 1);
