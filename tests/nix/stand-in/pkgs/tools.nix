# Programs: a shell and busybox that run, and the names of others.
{ lib, pkgs }:
let
  # Both are static files that the sandbox lends, and are copied so that they run elsewhere as well.
  busybox =
    name:
    pkgs.stdenv.mkDerivation {
      inherit name;
      buildCommand = ''
        /bin/busybox mkdir -p $out/bin
        /bin/busybox cp /bin/busybox $out/bin/busybox
        for tool in $(/bin/busybox --list); do
          case $tool in
            busybox | sh | bash | ash) ;;
            *) /bin/busybox ln -s busybox $out/bin/$tool ;;
          esac
        done
      '';
      meta = { };
    };
  shell = pkgs.stdenv.mkDerivation {
    name = "bash-5";
    pname = "bash";
    version = "5";
    buildCommand = ''
      /bin/busybox mkdir -p $out/bin
      /bin/busybox cp /bin/bash $out/bin/bash
      /bin/busybox ln -s bash $out/bin/sh
    '';
    passthru.shellPath = "/bin/bash";
    meta.mainProgram = "bash";
  };

  absent =
    name: version:
    pkgs.stdenv.mkDerivation {
      pname = name;
      inherit version;
      buildCommand = ''
        /bin/busybox mkdir -p $out/bin
        printf '#!/bin/sh\necho "${name} is not in this stand-in" >&2\nexit 127\n' > $out/bin/${name}
        /bin/busybox chmod +x $out/bin/${name}
      '';
      meta.mainProgram = name;
    };
in
{
  bash = shell;
  bashInteractive = shell;
  runtimeShell = "${shell}/bin/bash";
  systemd =
    if pkgs.programs ? systemd then
      pkgs.runCommand "systemd-${pkgs.systemdVersion}" {
        pname = "systemd";
        version = pkgs.systemdVersion;
        program = pkgs.programs.systemd;
      } ''cp -R "$program" $out''
    else
      absent "systemd" pkgs.systemdVersion;
  installShellFiles = absent "installShellFiles" "0";
  makeWrapper = absent "makeWrapper" "0";
}
// lib.genAttrs [
  "busybox"
  "coreutils"
  "diffutils"
  "findutils"
  "gawk"
  "gnugrep"
  "gnused"
  "gnutar"
  "gzip"
  "util-linux"
] busybox
// lib.genAttrs [
  "age"
  "age-plugin-fido2-hmac"
  "age-plugin-tpm"
  "age-plugin-yubikey"
  "cargo"
  "cargo-deny"
  "clippy"
  "git"
  "hello"
  "jq"
  "nginx"
  "nixfmt"
  "nixfmt-rfc-style"
  "openssh"
  "openssl"
  "rage"
  "rust-analyzer"
  "rustc"
  "rustfmt"
  "shadow"
  "shellcheck"
  "strace"
  "tmux"
  "userborn"
  "wireguard-tools"
] (name: absent name "1")
