@echo off
rem Builds Banyan when its sources changed, then runs it: banyan up, banyan run MODEL, banyan --help
setlocal
set DOTNET_NOLOGO=1
set DOTNET_CLI_TELEMETRY_OPTOUT=1
set "root=%~dp0"
if exist "%root%.dotnet\dotnet.exe" set "PATH=%root%.dotnet;%PATH%"
pushd "%root%"
dotnet --version >nul 2>&1
if errorlevel 1 (
  echo The .NET SDK 10.0 is missing; installing it in %root%.dotnet ... 1>&2
  powershell -NoProfile -ExecutionPolicy Bypass -Command "try { $s = Join-Path $env:TEMP 'dotnet-install.ps1'; Invoke-WebRequest https://dot.net/v1/dotnet-install.ps1 -OutFile $s -UseBasicParsing; & $s -Channel 10.0 -InstallDir '%root%.dotnet' } catch { exit 1 }"
  if errorlevel 1 (
    echo No network for that: install the .NET SDK 10.0 from https://dotnet.microsoft.com/download and run this again. 1>&2
    popd
    exit /b 1
  )
  set "PATH=%root%.dotnet;%PATH%"
)
popd
rem An unchanged tree builds in about two seconds, so the build itself decides what changed.
dotnet build "%root%src\Banyan.Cli" -c Release -v quiet -nologo 1>&2
if errorlevel 1 exit /b 1
dotnet "%root%src\Banyan.Cli\bin\Release\net10.0\banyan.dll" %*
