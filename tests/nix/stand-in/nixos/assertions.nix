# What a configuration refuses, and what it warns of.
{ lib, ... }:
{
  options = {
    assertions = lib.mkOption {
      type = lib.types.listOf lib.types.unspecified;
      default = [ ];
      internal = true;
    };
    warnings = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
      internal = true;
    };
    meta = lib.mkOption {
      type = lib.types.attrs;
      default = { };
      internal = true;
    };
  };
}
