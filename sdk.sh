# Puts a .NET SDK that satisfies global.json on PATH; installs one beside the project if there is none. Sourced by ./banyan and ./check.
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
[ -x "$root/.dotnet/dotnet" ] && export DOTNET_ROOT="$root/.dotnet" PATH="$root/.dotnet:$PATH"
if ! (cd "$root" && dotnet --version) >/dev/null 2>&1; then
    wanted=$(sed -n 's/.*"version": *"\([0-9.]*\)".*/\1/p' "$root/global.json" | head -1)
    echo "The .NET SDK $wanted or later 10.0 is missing; installing it in $root/.dotnet …" >&2
    installer=$(mktemp "${TMPDIR:-/tmp}/dotnet-install.XXXXXX")
    if ! { curl -fsSL --max-time 60 https://dot.net/v1/dotnet-install.sh -o "$installer" \
        && bash "$installer" --channel 10.0 --install-dir "$root/.dotnet" >&2; }; then
        rm -f "$installer"
        echo "No network for that: install the .NET SDK 10.0 from https://dotnet.microsoft.com/download and run this again." >&2
        exit 1
    fi
    rm -f "$installer"
    export DOTNET_ROOT="$root/.dotnet" PATH="$root/.dotnet:$PATH"
fi
