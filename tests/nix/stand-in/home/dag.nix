# Entries of a script with their order.
{ lib }:
rec {
  entryBetween = before: after: data: {
    inherit before after data;
  };
  entryAnywhere = entryBetween [ ] [ ];
  entryAfter = entryBetween [ ];
  entryBefore = before: entryBetween before [ ];

  # Every entry after those it names and those that name it in `before`.
  sorted =
    entries:
    let
      behind =
        name:
        entries.${name}.after
        ++ lib.filter (other: lib.elem name entries.${other}.before) (lib.attrNames entries);
      visit =
        path: done: name:
        if lib.elem name done || !(entries ? ${name}) then
          done
        else if lib.elem name path then
          throw "home.activation: `${name}' comes before itself"
        else
          lib.foldl' (visit (path ++ [ name ])) done (behind name) ++ [ name ];
    in
    lib.foldl' (visit [ ]) [ ] (lib.attrNames entries);
}
