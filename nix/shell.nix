# What working on secretctl takes; `scripts/test` finds the tools in it.
{ pkgs }:
pkgs.mkShell {
  packages = with pkgs; [
    age
    cargo
    cargo-deny
    clippy
    git
    jq
    openssh
    openssl
    rage
    rust-analyzer
    rustc
    rustfmt
    shellcheck
    strace
    tmux
    wireguard-tools
  ];
}
