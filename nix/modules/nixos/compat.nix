# Side by side with sops-nix and agenix, and the paths of theirs at which our files are found afterwards.
{
  lib,
  config,
  options,
  ...
}:

let
  inherit (lib) mkOption optional optionals types;
  cfg = config.secretctl;
  others = import ./others.nix { inherit config options; };
  refuse = message: {
    assertion = false;
    inherit message;
  };

  below = folder: path: path == folder || lib.hasPrefix "${folder}/" path;
  ofTool = tool: path: lib.any (folder: below folder path) tool.folders;

  named =
    option: entries:
    lib.mapAttrsToList (name: entry: {
      inherit name;
      inherit (entry) path;
      option = "${option}.\"${name}\"";
    }) entries;
  ours = lib.filter (entry: !below cfg.link entry.path) (
    named "secretctl.secrets" cfg.secrets ++ named "secretctl.templates" cfg.templates
  );

  link =
    tool: wayOut:
    optional (ofTool tool cfg.link) (refuse ''
      secretctl.link: `${cfg.link}` is the folder of ${tool.name}, which still has secrets here; whoever ran last would hide those of the other.
      ${wayOut}'');

  # A link in a folder that another tool makes anew is gone with its next run.
  inside =
    tool: wayOut:
    map (entry: refuse ''
      ${entry.option}.path: `${entry.path}` lies in the folder of ${tool.name}, which still has secrets here and makes that folder anew.
      Read it from `config.${entry.option}.path` without setting `path`; ${wayOut}'') (
      lib.filter (entry: ofTool tool entry.path) ours
    );

  # One path is of one tool at a time: that is what a switch-over of one secret is.
  twice =
    tool:
    lib.concatMap (
      theirs:
      map (entry: refuse ''
        ${entry.path} is the path of ${entry.option} and of ${theirs.option}.
        Take `${theirs.option}` away: ${entry.option} has taken its place.'') (
        lib.filter (entry: entry.path == theirs.path) ours
      )
    ) (named "${tool.option}.secrets" tool.secrets);

  elsewhere = "set `age.secretsDir = \"/run/agenix.old\"`, and what agenix still has moves there.";

  folders =
    optional cfg.compat.agenix "/run/agenix"
    ++ optional cfg.compat.sopsNix "/run/secrets-for-users"
    ++ optional (cfg.compat.sopsNix && cfg.link != "/run/secrets") "/run/secrets";
in
{
  options.secretctl.compat = {
    sopsNix = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether files are found where sops-nix had them: secrets at `/run/secrets/NAME` and
        `/run/secrets-for-users/NAME`, templates at `/run/secrets/rendered/NAME`, by the names they have here. It is refused
        while sops-nix has secrets on this host.
      '';
    };
    agenix = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether files are found where agenix had them, at `/run/agenix/NAME`, by the names they have here. It is refused while
        agenix has secrets on this host, unless its own folder is another one.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions =
      optionals others.sopsNix.runs (
        link others.sopsNix "Leave `secretctl.link` out until the last of `sops.secrets` and `sops.templates` is gone: it is `/run/secretctl-files` meanwhile."
        ++ inside others.sopsNix "that path can be ours again when sops-nix has no secrets left."
        ++ twice others.sopsNix
        ++ optional cfg.compat.sopsNix (refuse ''
          secretctl.compat.sopsNix: sops-nix still has secrets here, and owns /run/secrets: ${lib.concatStringsSep ", " (builtins.attrNames others.sopsNix.secrets)}.
          Move these first, or leave this out until then and read files from `config.secretctl.secrets."NAME".path`.'')
      )
      ++ optionals others.agenix.runs (
        link others.agenix "Leave `secretctl.link` out, or ${elsewhere}"
        ++ inside others.agenix "or ${elsewhere}"
        ++ twice others.agenix
        ++ optional (cfg.compat.agenix && ofTool others.agenix "/run/agenix") (refuse ''
          secretctl.compat.agenix: agenix still has secrets here, and owns /run/agenix: ${lib.concatStringsSep ", " (builtins.attrNames others.agenix.secrets)}.
          Move these first, or ${elsewhere}'')
      );

    # `L+` also takes the place of the link that the other tool leaves behind until the next boot.
    systemd.tmpfiles.settings = lib.mkIf (folders != [ ]) {
      secretctl-compat = lib.genAttrs folders (_: {
        "L+".argument = cfg.link;
      });
    };
  };
}
