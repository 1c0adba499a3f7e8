# Types with the same rules as the host program, so that evaluation finds what activation would refuse.
{
  lib,
  # Who starts programs: `systemd`, `launchd`, or `either`, where only the packages tell.
  manager,
  # Whether paths may begin with a folder that only a running user knows, such as `%t`.
  specifiers ? false,
}:

let
  inherit (lib) types;
  segment = "[A-Za-z0-9][A-Za-z0-9._-]*";
  suffix = "(service|socket|target|path|timer|mount|automount|slice|scope|swap|device)";

  unit = types.strMatching "[A-Za-z0-9@:_.\\-]+[.]${suffix}" // {
    description = "full name of a unit, such as nginx.service";
  };

  label = types.strMatching "[A-Za-z0-9._-]+" // {
    description = "label of a launchd job";
  };
in
{
  secretName = types.strMatching "${segment}(/${segment})*" // {
    description = "name of a secret: segments of letters, digits, `.`, `_`, `-`, divided by `/`";
  };

  signingKey = types.strMatching "ssh-ed25519 [^\n]+" // {
    description = "ed25519 public key in one line, as `ssh-ed25519 AAAA…`";
  };

  mode = types.strMatching "0?[0-7]{3}" // {
    description = "file mode in octal, such as 0400";
  };

  unit =
    {
      systemd = unit;
      launchd = label;
      either = types.either unit label;
    }
    .${manager};

  account = types.strMatching "[A-Za-z0-9_][A-Za-z0-9_.-]*[$]?" // {
    description = "name or number of a user or group";
  };

  # A string, because a Nix path would be copied to the store, where every local user can read it.
  privatePath =
    let
      absolute = types.addCheck types.externalPath builtins.isString;
      specified = types.strMatching "%[thS](/.*)?";
    in
    (if specifiers then types.either absolute specified else absolute)
    // {
      description = "absolute path outside the Nix store, as a string";
    };
}
