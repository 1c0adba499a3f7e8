# Options that secrets and templates share: what the file is like, and who hears of a change.
{
  lib,
  kinds,
  folder,
  account,
}:
{ name, config, ... }:

let
  inherit (lib) mkOption types;
  # systemd hands over credentials itself, from files that only root reads.
  ofService = account (if config.deliver or "file" == "credential" then "system" else config.service);
in
{
  options = {
    service = mkOption {
      type = types.str;
      default = "system";
      example = "sonarr";
      description = ''
        Service that reads it, without `.service`; the policy must grant the secret to this service.
        `system` is the operating system itself. With a service, owner and group default to those of its unit.
      '';
    };
    owner = mkOption {
      type = kinds.account;
      default = ofService.user;
      defaultText = lib.literalMD "the `User` of the unit of `service`, else `root`";
      example = "sonarr";
      description = "Owner of the file. A user that does not exist is refused at evaluation.";
    };
    group = mkOption {
      type = kinds.account;
      default = ofService.group;
      defaultText = lib.literalMD "the `Group` of the unit of `service`, else the group of its user, else `root`";
      example = "media";
      description = "Group of the file. A group that does not exist is refused at evaluation.";
    };
    mode = mkOption {
      type = kinds.mode;
      default = "0400";
      example = "0440";
      description = "Mode of the file. Files that everybody can read are not kept from anybody.";
    };
    path = mkOption {
      type = kinds.privatePath;
      default = "${folder}/${name}";
      defaultText = lib.literalMD "`secretctl.link`, and the name below it (templates: below `rendered`)";
      example = "/var/lib/acme/dns.env";
      description = ''
        Where the file is found. Another path than the default becomes a link to the file, which is removed when
        nothing asks for it any more.
      '';
    };
    restartUnits = mkOption {
      type = types.listOf kinds.unit;
      default = [ ];
      example = [ "sonarr.service" ];
      description = ''
        Units that are restarted, once, after the new file is in place, when content, owner, group, mode or path changed.
        A unit that is not running stays as it is.
      '';
    };
    reloadUnits = mkOption {
      type = types.listOf kinds.unit;
      default = [ ];
      example = [ "nginx.service" ];
      description = "As `restartUnits`, for units that are reloaded; one that cannot reload is restarted.";
    };
  };
}
