# Modules: what may stand for one, and the list of all that a list of modules imports.
lib:
let
  inherit (lib)
    attrNames
    isAttrs
    isFunction
    optionalAttrs
    ;
  common = [
    "_class"
    "_file"
    "key"
    "disabledModules"
    "imports"
    "freeformType"
  ];

  # Arguments come in as thunks, so that a module may name an argument that its own configuration sets.
  call =
    key: args: f:
    f (
      args
      // builtins.mapAttrs (
        name: _:
        builtins.addErrorContext "while evaluating the module argument `${name}' in \"${key}\":" (
          args.${name} or args.config._module.args.${name}
        )
      ) (lib.functionArgs f)
    );

  normal =
    file: key: m:
    let
      explicit = m ? config || m ? options;
      stray = removeAttrs m (
        common
        ++ [
          "options"
          "config"
          "meta"
        ]
      );
      written = if explicit then m.config or { } else removeAttrs m (common ++ [ "require" ]);
      extra =
        optionalAttrs (explicit && m ? meta) { inherit (m) meta; }
        // optionalAttrs (m ? freeformType) { _module = { inherit (m) freeformType; }; };
      name = builtins.head (attrNames stray);
    in
    if !(isAttrs m) then
      throw "module ${file} (${key}) does not look like a module."
    else if explicit && stray != { } then
      throw "Module `${key}' has an unsupported attribute `${name}'. This is caused by introducing a top-level `config' or `options' attribute. Add configuration attributes immediately on the top level instead, or move all of them (namely: ${toString (attrNames stray)}) into the explicit `config' attribute."
    else if m.disabledModules or [ ] != [ ] then
      throw "Module `${key}' uses disabledModules, which this stand-in for `lib` does not have."
    else
      {
        _file = toString (m._file or file);
        _class = m._class or null;
        key = toString (m.key or key);
        imports = lib.optionals (!explicit) (m.require or [ ]) ++ m.imports or [ ];
        options = m.options or { };
        config =
          if extra == { } then
            written
          else
            lib.mkMerge [
              written
              extra
            ];
      };

  load =
    args: file: key: m:
    let
      kind = m._type or "module";
      path = toString m;
      content = import m;
    in
    if isFunction m then
      normal file key (call key args m)
    else if isAttrs m && kind == "module" then
      normal file key m
    else if isAttrs m && (kind == "if" || kind == "override") then
      load args file key { config = m; }
    else if isAttrs m then
      throw "Expected a module, but found a value of type ${kind}${lib.optionalString (file != lib.options.unknownModule) ", while trying to load a module into ${file}"}."
    else if builtins.isList m then
      throw "Module imports can't be nested lists. Perhaps you meant to remove one level of lists? Definitions: ${
        lib.options.showDefs [
          {
            inherit file;
            value = m;
          }
        ]
      }"
    else
      normal path path (if isFunction content then call path args content else content);

  admit =
    class: m:
    if class == null || m._class == null || m._class == class then
      m
    else
      throw "The module `${m._file}` (class: \"${m._class}\") cannot be imported into a module evaluation that expects class \"${class}\".";
in
{
  # Every module once, known by its key.
  collectModules =
    class: modules: args:
    let
      nodes =
        file: key:
        lib.imap1 (
          n: m:
          let
            module = admit class (load args file "${key}:anon-${toString n}" m);
          in
          {
            inherit (module) key;
            inherit module;
            imports = nodes module._file module.key module.imports;
          }
        );
    in
    map (node: node.module) (
      builtins.genericClosure {
        startSet = nodes lib.options.unknownModule "" modules;
        operator = node: node.imports;
      }
    );

  setDefaultModuleLocation = file: m: {
    _file = file;
    imports = [ m ];
  };
  importApply = path: args: lib.setDefaultModuleLocation (toString path) (import path args);
}
