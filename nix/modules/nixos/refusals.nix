# What only NixOS can tell to be wrong.
{ lib, config, ... }:

let
  cfg = config.secretctl;
  refuse = message: {
    assertion = false;
    inherit message;
  };

  byPath =
    entries: option:
    lib.mapAttrs' (
      name: entry: lib.nameValuePair entry.path (entry // { option = "${option}.\"${name}\""; })
    ) entries;
  files = byPath cfg.templates "secretctl.templates" // byPath cfg.secrets "secretctl.secrets";

  # A hash that comes after the users is no hash: they are created without a password, and nobody gets in.
  passwords = lib.concatMap (
    user:
    let
      file = files.${toString user.hashedPasswordFile} or { neededForUsers = true; };
    in
    lib.optional (!(file.neededForUsers or false)) (refuse ''
      users.users."${user.name}".hashedPasswordFile: ${file.option} is installed only after users are created, so this one would have no password.
      ${
        if file ? neededForUsers then
          "Set `${file.option}.neededForUsers = true`."
        else
          "Deliver the hash as a secret with `neededForUsers`."
      }'')
  ) (lib.filter (user: user.hashedPasswordFile != null) (builtins.attrValues config.users.users));

  fileSystem = import ../../lib/file-system.nix { inherit lib config; };

  overNetwork =
    path:
    let
      entry = fileSystem path;
    in
    entry != null
    && (
      builtins.elem "_netdev" entry.options
      || builtins.elem entry.fsType [
        "nfs"
        "nfs4"
        "cifs"
        "fuse.sshfs"
      ]
    );

  # Secrets are installed before the network is there, and some networks need one of them.
  remote =
    option: path:
    refuse ''
      secretctl.${option}: `${path}` lies on `${(fileSystem path).mountPoint}`, which comes over the network, and that only after secrets.
      Name a place on a disk of this host.'';

  overlay = config.system.etc.overlay or { enable = false; };
  fixedEtc = overlay.enable && !overlay.mutable;

  links = lib.mapAttrsToList (
    path: file:
    refuse ''
      ${file.option}.path: `${path}` cannot be made, as /etc is read-only on this host (`system.etc.overlay.mutable = false`).
      Leave `path` out, and let `environment.etc` lead to the file if it must be found there.''
  ) (lib.filterAttrs (path: _: lib.hasPrefix "/etc/" path) files);
in
{
  config = lib.mkIf cfg.enable {
    assertions =
      passwords
      ++ lib.optionals fixedEtc links
      ++ map (remote "identities") (lib.filter overNetwork cfg.identities)
      ++ map (remote "state") (lib.filter overNetwork [ cfg.state ]);
  };
}
