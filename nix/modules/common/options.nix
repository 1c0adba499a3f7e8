# The options that every platform has.
{
  # Function of the configuration: the parts of options that differ from platform to platform.
  defaults,
  # Who runs services: "systemd" or "launchd".
  manager ? "systemd",
  # Whether this is about one user.
  specifiers ? false,
}:
{
  lib,
  config,
  pkgs,
  ...
}:

let
  inherit (lib) mkOption types;
  cfg = config.secretctl;
  kinds = import ./types.nix { inherit lib manager specifiers; };
  inherit (cfg) platform;
  differing = defaults config;
  # An option whose default is the platform's.
  mkOption' = name: option: mkOption (option // differing.${name});
in
{
  _file = toString ./options.nix;

  options.secretctl = {
    enable = lib.mkEnableOption ''
      secrets from a secretctl fleet. With nothing declared, what was installed before is removed on the next switch; without
      this option it stays until the next boot'';

    fleet = mkOption {
      type = types.path;
      example = lib.literalExpression "./.";
      description = ''
        The fleet repository: the folder with `secretctl.toml`. Only the sealed tree of this host gets into its closure.
      '';
    };
    host = mkOption' "host" {
      type = types.str;
      example = "forge";
      description = "Name of this host in `secretctl.toml`; its manifest must be for it.";
    };
    trustedKeys = mkOption {
      type = types.listOf kinds.signingKey;
      default = [ ];
      example = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI…" ];
      description = ''
        Signing keys of the admins whose manifests this host believes. They are pinned on the host at first use; later others are
        believed when an old one signed, or when the operator says so.
      '';
    };
    identities = mkOption' "identities" {
      type = types.listOf kinds.privatePath;
      example = [ "/persist/etc/ssh/ssh_host_ed25519_key" ];
      description = ''
        Files with the private keys of this host, tried in this order; the status says which one worked. They lie outside
        the Nix store, which every local user can read, and outside of what a reboot wipes.
      '';
    };
    plugins = mkOption {
      type = types.listOf types.package;
      default = [ ];
      example = lib.literalExpression "[ pkgs.age-plugin-tpm ]";
      description = "age plugins that the identities need. They get to see devices, which the unit is kept from otherwise.";
    };
    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ../../package.nix { hostProgram = true; };
      defaultText = lib.literalMD "`secretctl-host` of this repository";
      description = "The program that installs secrets on this host.";
    };
    checkPackage = mkOption {
      type = types.package;
      default = pkgs.buildPackages.callPackage ../../package.nix { hostProgram = true; };
      defaultText = lib.literalMD "`secretctl-host` for the machine that builds";
      description = "The program that checks request and sealed tree when the system is built, on the machine that builds it.";
    };

    secrets = mkOption {
      type = types.attrsOf (
        types.submodule (
          import ./secret.nix {
            inherit lib kinds;
            inherit (cfg) link;
            inherit (platform) account deliveries;
          }
        )
      );
      default = { };
      example = lib.literalExpression ''{ "sonarr/api-key".service = "sonarr"; }'';
      description = "Secrets that this host gets as files or credentials. What the policy does not grant is refused at evaluation.";
    };
    templates = mkOption {
      type = types.attrsOf (
        types.submodule (
          import ./template.nix {
            inherit lib kinds;
            inherit (cfg) link;
            inherit (platform) account;
          }
        )
      );
      default = { };
      description = "Files made from a text and the values of secrets.";
    };
    services = mkOption {
      type = types.attrsOf (
        types.submodule (
          import ./service.nix {
            inherit lib kinds;
            inherit (cfg) facts host;
          }
        )
      );
      default = { };
      example = lib.literalExpression ''{ sonarr.secrets.api-key = { }; }'';
      description = "Credentials by the service that reads them.";
    };
    placeholder = mkOption {
      type = types.attrsOf types.str;
      readOnly = true;
      example = "<secret:sonarr/api-key>";
      description = "Placeholders for templates, by the names of `secrets` and of the secrets that the fleet has.";
    };

    externalUnits = mkOption {
      type = types.listOf kinds.unit;
      default = [ ];
      example = [ "pipewire.service" ];
      description = "Units that packages bring, which evaluation cannot see; a template stands for its instances. Others that are not declared are refused.";
    };

    mount = mkOption' "mount" {
      type = kinds.privatePath;
      description = "Memory-backed folder of the installed generations.";
    };
    link = mkOption' "link" {
      type = kinds.privatePath;
      description = "Link to the generation in use; files are found below it.";
    };
    state = mkOption' "state" {
      type = kinds.privatePath;
      description = ''
        Folder of what the host remembers: pinned keys, the highest serial, links that it made. Evaluation warns when a reboot
        wipes it, because then a replayed old manifest is not noticed.
      '';
    };
    runtime = mkOption' "runtime" {
      type = kinds.privatePath;
      description = "Folder of `status.json`, and of the lock that two activations respect.";
    };
    keepGenerations = mkOption {
      type = types.ints.positive;
      default = 1;
      description = "How many generations stay in memory, the one in use included.";
    };
    rollback = mkOption {
      type = types.enum [
        "accept"
        "refuse"
      ];
      default = "accept";
      description = ''
        What happens to a manifest older than one accepted before, as a rollback of the system brings it: it is accepted with
        a warning, or refused, and then the newer values stay.
      '';
    };
    dangerAllowSwap = mkOption {
      type = types.bool;
      default = false;
      description = "Whether memory that can be swapped to a disk will do. Plaintext may then reach that disk.";
    };
    metrics = mkOption {
      type = types.nullOr kinds.privatePath;
      default = null;
      example = "/var/lib/prometheus-node-exporter/secretctl.prom";
      description = "Text file for the textfile collector of a Prometheus node exporter.";
    };

    request = mkOption {
      type = types.package;
      readOnly = true;
      description = "What the host asks for, as a JSON file that was checked against the sealed tree.";
    };
    uncheckedRequest = mkOption {
      type = types.package;
      readOnly = true;
      internal = true;
      description = "The same before the check.";
    };
    facts = mkOption {
      type = types.raw;
      internal = true;
      readOnly = true;
      description = "What evaluation knows of the fleet.";
    };
    wanted = mkOption {
      type = types.raw;
      internal = true;
      readOnly = true;
      description = "Every delivery, those of services included, with the option that asked for it.";
    };
    platform = mkOption {
      type = types.raw;
      internal = true;
      description = "What the platform knows of users, units and mounts.";
    };
  };

  imports = [
    ./request.nix
    ./refusals.nix
  ];
}
