# `secretctl.secrets.<name>`
{
  lib,
  kinds,
  link,
  account,
  deliveries,
}:
{ name, config, ... }:

let
  inherit (lib) mkOption types;
  units = import ../../lib/units.nix { inherit lib; };
in
{
  imports = [
    (import ./delivery.nix {
      inherit lib kinds account;
      folder = link;
    })
  ];

  options = {
    secret = mkOption {
      type = kinds.secretName;
      default = name;
      defaultText = lib.literalMD "the name of this entry";
      example = "shared/restic/password";
      description = "The secret's name in the fleet. Several entries may deliver one secret.";
    };
    deliver = mkOption {
      type = types.enum [
        "file"
        "credential"
        "broker"
      ];
      default = "file";
      example = "credential";
      description = ''
        `file` puts it at `path`. `credential` also hands it to the unit of `service` as a systemd credential, which the unit
        alone can read, under a dynamic user too. `broker` is refused by this version. ${deliveries}
      '';
    };
    credential = mkOption {
      type = types.strMatching "[A-Za-z0-9._-]+";
      default = lib.replaceStrings [ "/" ] [ "." ] name;
      defaultText = lib.literalMD "the name of this entry, with `.` for `/`";
      example = "api-key";
      description = "Id of the credential. With the name of the unit it has at most 83 characters, as systemd wants it.";
    };
    credentialPath = mkOption {
      type = types.str;
      readOnly = true;
      default = units.credential config.service config.credential;
      defaultText = lib.literalMD "`/run/credentials/SERVICE.service/CREDENTIAL`";
      description = "Where the unit of `service` finds the credential while it runs.";
    };
    placeholder = mkOption {
      type = types.str;
      readOnly = true;
      default = "<secret:${config.secret}>";
      defaultText = lib.literalMD "`<secret:NAME>`";
      description = "Stands for the value in the text of a template.";
    };
    neededForUsers = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether it must be there before users are created, as the hash of a user's password must. Such a file belongs to
        root, and the file systems of identities and state must be `neededForBoot`.
      '';
    };
    optional = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the host does without it when the policy does not grant it. Otherwise evaluation refuses.";
    };
    installOnce = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether the value that is installed stays until the next boot, whatever the fleet changes, so that no unit is
        restarted: for values that a service takes over at its first start.
      '';
    };
  };
}
