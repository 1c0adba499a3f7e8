# Both programs, or with `hostProgram` the small one alone that hosts need.
{
  lib,
  rustPlatform,
  installShellFiles,
  stdenv,
  hostProgram ? false,
}:

let
  manifest = (builtins.fromTOML (builtins.readFile ../Cargo.toml)).package;
  root = toString ../.;

  # What the compiler reads; a change of docs, policies or sealed trees builds nothing anew.
  sources = [
    "/Cargo.toml"
    "/Cargo.lock"
    "/LICENSE"
    "/src"
  ];
  wanted =
    path: _:
    lib.any (
      source: path == root + source || lib.hasPrefix (root + source + "/") path
    ) sources;
in
rustPlatform.buildRustPackage {
  pname = if hostProgram then "secretctl-host" else "secretctl";
  inherit (manifest) version;

  src = builtins.path {
    path = ../.;
    name = "secretctl-source";
    filter = wanted;
  };
  cargoLock.lockFile = ../Cargo.lock;

  buildNoDefaultFeatures = hostProgram;
  cargoBuildFlags = lib.optionals hostProgram [
    "--bin"
    "secretctl-host"
  ];
  # They play admins and hosts with real tools, root and systemd; `scripts/test` runs them.
  doCheck = false;

  nativeBuildInputs = lib.optional (!hostProgram) installShellFiles;
  postInstall =
    lib.optionalString (!hostProgram && stdenv.buildPlatform.canExecute stdenv.hostPlatform)
      ''
        installShellCompletion --cmd secretctl \
          --bash <($out/bin/secretctl completions bash) \
          --fish <($out/bin/secretctl completions fish) \
          --zsh <($out/bin/secretctl completions zsh)
      '';

  meta = {
    inherit (manifest) description;
    license = lib.licenses.mit;
    mainProgram = if hostProgram then "secretctl-host" else "secretctl";
    platforms = lib.platforms.unix;
  };
}
