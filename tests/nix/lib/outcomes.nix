# What each case gives under one `lib`: its value, or that it fails.
lib:
let
  cases =
    import ./functions.nix lib
    // import ./merging.nix lib
    // import ./structure.nix lib
    // import ./kinds.nix lib;
  outcome =
    value:
    let
      tried = builtins.tryEval (builtins.deepSeq value value);
    in
    if tried.success then { inherit (tried) value; } else { fails = true; };
in
builtins.mapAttrs (_: outcome) cases
