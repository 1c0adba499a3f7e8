# Types with the same rules as the host program, so that evaluation finds what activation would refuse.
{ lib }:

let
  inherit (lib) types;
  segment = "[A-Za-z0-9][A-Za-z0-9._-]*";
in
{
  secretName = types.strMatching "${segment}(/${segment})*" // {
    description = "name of a secret: segments of letters, digits, `.`, `_`, `-`, divided by `/`";
  };

  mode = types.strMatching "0?[0-7]{3}" // {
    description = "file mode in octal, such as 0400";
  };

  unit = types.strMatching "[A-Za-z0-9@:_.\\-]+[.](service|socket|target|path|timer|mount|automount|slice|scope|swap|device)" // {
    description = "full name of a unit, such as nginx.service";
  };

  account = types.strMatching "[A-Za-z0-9_][A-Za-z0-9_.-]*[$]?" // {
    description = "name or number of a user or group";
  };

  # A string, because a Nix path would be copied to the store, where every local user can read it.
  privatePath = types.addCheck types.externalPath builtins.isString // {
    description = "absolute path outside the Nix store, as a string";
  };
}
