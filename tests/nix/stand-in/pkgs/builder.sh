# The start of every build: tools in the search path, then the commands of the package.
set -o pipefail
PATH=
for input in ${nativeBuildInputs-} ${buildInputs-} ${tools-}; do
  PATH=$PATH${PATH:+:}$input/bin
done
export PATH
cd "$NIX_BUILD_TOP"
if [ -n "${buildCommandPath-}" ]; then
  . "$buildCommandPath"
else
  eval "${buildCommand-}"
fi
