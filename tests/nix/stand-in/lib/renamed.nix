# Options that are gone or live elsewhere now.
lib:
let
  inherit (lib) getAttrFromPath setAttrByPath showOption;
in
{
  mkRemovedOptionModule =
    path: instructions:
    { options, ... }:
    let
      option = getAttrFromPath path options;
    in
    {
      options = setAttrByPath path (
        lib.mkOption {
          visible = false;
          apply =
            _: throw "The option `${showOption path}' can no longer be used since it's been removed. ${instructions}";
        }
      );
      config.assertions = [
        {
          assertion = !option.isDefined;
          message = ''
            The option definition `${showOption path}' in ${lib.showFiles option.files} no longer has any effect; please remove it.
            ${instructions}
          '';
        }
      ];
    };

  # The old name keeps working, with a warning, at the priority it is set with.
  mkRenamedOptionModule =
    from: to:
    { config, options, ... }:
    let
      old = getAttrFromPath from options;
      target = getAttrFromPath to options;
      note = "The option `${showOption from}' defined in ${lib.showFiles old.files} has been renamed to `${showOption to}'.";
    in
    {
      options = setAttrByPath from (
        lib.mkOption (
          {
            visible = false;
            description = "Alias of {option}`${showOption to}`.";
            apply = _: lib.trace "Obsolete option `${showOption from}' is used. It was renamed to `${showOption to}'." (getAttrFromPath to config);
          }
          // lib.optionalAttrs (target ? type) { type = lib.types.submodule { } // target.type; }
        )
      );
      config = lib.mkMerge [
        (lib.optionalAttrs (options ? warnings) { warnings = lib.optional old.isDefined note; })
        (setAttrByPath to (
          lib.mkIf old.isDefined (lib.mkMerge (map (lib.mkOverride old.highestPrio) old.definitions))
        ))
      ];
    };
}
