#!/usr/bin/env bash
# TorchSharp 0.107.0 asks for GLIBCXX_3.4.32 (libstdc++ of GCC 13) because of one empty marker symbol, _ZSt21ios_base_library_initv,
# which it never calls. Where the system has GCC 12 (Debian 12), this marks that one version as weak in the copy beside the built
# program, and the loader no longer insists. Usage, after each build: ./allow-older-libstdcxx.sh [FOLDER OF THE BUILT PROGRAM]
set -euo pipefail
library="${1:-$(dirname "$0")/bin/Release/net10.0}/runtimes/linux-x64/native/libLibTorchSharp.so"
perl -0777 -i -pe '
  my $hash = 0;  # the ELF hash of the version name, as .gnu.version_r holds it before two bytes of flags
  for (split //, "GLIBCXX_3.4.32") { $hash = ($hash << 4) + ord; my $high = $hash & 0xf0000000; $hash ^= $high >> 24 if $high; $hash &= ~$high & 0xffffffff; }
  my $bytes = pack("V", $hash);
  my $changed = s/\Q$bytes\E\x00\x00/$bytes\x02\x00/g;
  print STDERR $changed ? "made GLIBCXX_3.4.32 optional\n" : "nothing to change\n";
' "$library"
