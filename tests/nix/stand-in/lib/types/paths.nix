# Types of paths and packages.
lib:
let
  inherit (lib) isString mkOptionType;
  inherit (lib.strings) isStorePath isStringLike;

  hash = "[0-9a-df-np-sv-z]{32}";
  store = lib.strings.escapeRegex builtins.storeDir;
  below = text: builtins.match "${store}/(${hash}-.+|[0-9a-z]{52}.*)" text != null;
  withinStore = x: below (builtins.unsafeDiscardStringContext (toString x));
in
rec {
  package = mkOptionType {
    name = "package";
    descriptionClass = "noun";
    check = x: lib.isDerivation x || isStorePath x;
    merge =
      loc: defs:
      let
        value = lib.options.mergeOneOption loc defs;
        plain = builtins.isPath value || (isString value && !(builtins.hasContext value));
      in
      if plain then lib.toDerivation value else value;
  };
  shellPackage = package // {
    check = x: lib.isDerivation x && x ? shellPath;
  };

  path = pathWith { absolute = true; };
  externalPath = pathWith {
    absolute = true;
    inStore = false;
  };
  pathInStore = pathWith { inStore = true; };
  pathWith =
    {
      absolute ? null,
      inStore ? null,
    }:
    let
      shape = if absolute == null then "" else if absolute then "absolute " else "relative ";
      place = if inStore == null then "" else if inStore then " in the Nix store" else " not in the Nix store";
    in
    lib.throwIf (inStore == true && absolute == false) "In pathWith, inStore means the path must be absolute"
      mkOptionType
      {
        name = "path";
        description = "${shape}path${place}";
        descriptionClass = "noun";
        # A path value could be copied into the store later on, so it is never a path outside of it.
        check =
          x:
          (if inStore == false then isString x else isStringLike x)
          && (inStore == null || inStore == withinStore x)
          && (absolute == null || absolute == lib.hasPrefix "/" (toString x));
        merge = lib.options.mergeEqualOption;
        functor = lib.types.defaultFunctor "path" // {
          type = pathWith;
          payload = { inherit absolute inStore; };
          binOp = a: b: if a == b then a else null;
        };
      };
}
