using System.Diagnostics;
using Banyan.Server.Storage.Objects;
using Banyan.Tests;

namespace Banyan.Server.Tests.Storage;

/// <summary>Starts the S3 store that lies beside the test data when it is first asked for.</summary>
public sealed class S3Server : IAsyncDisposable
{
    readonly string _folder = Path.Combine(Path.GetTempPath(), $"banyan-s3-{Guid.NewGuid():N}");
    readonly Lazy<Task<S3Options>> _started;

    public S3Server() => _started = new(StartAsync);

    /// <summary>The store's bucket, with keys that begin as the test says.</summary>
    public async Task<S3Options> OptionsAsync(string prefix = "") => (await _started.Value) with { Prefix = prefix };

    async Task<S3Options> StartAsync()
    {
        var settings = new Dictionary<string, string>();
        foreach (var line in (await RunAsync("start")).Split('\n'))
            if (line.Replace("export ", "").Split('=', 2) is [var name, var value])
                settings[name.Trim()] = value.Trim().Trim(';').Trim('\'', '"');
        return new S3Options(settings["S3_BUCKET"], "", settings["AWS_ENDPOINT_URL"], settings["AWS_REGION"], settings["AWS_ACCESS_KEY_ID"],
            settings["AWS_SECRET_ACCESS_KEY"]);
    }

    async Task<string> RunAsync(string command)
    {
        using var process =
            Process.Start(new ProcessStartInfo(SharedData.Path("tools", "s3-server"), [command, _folder])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true
            })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            SharedData.Missing($"no S3 store: {await errors}");
        return output;
    }

    public async ValueTask DisposeAsync()
    {
        if (_started is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            await RunAsync("stop");
            Directory.Delete(_folder, recursive: true);
        }
    }
}
