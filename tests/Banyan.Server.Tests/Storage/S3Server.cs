using System.Diagnostics;
using Banyan.Server.Storage.Objects;
using Banyan.Tests;

namespace Banyan.Server.Tests.Storage;

/// <summary>Starts the S3 store that lies beside the test data, once for a class.</summary>
public sealed class S3Server : IDisposable
{
    readonly string _folder = Path.Combine(Path.GetTempPath(), $"banyan-s3-{Guid.NewGuid():N}");
    readonly Dictionary<string, string> _settings = [];

    public S3Options Options
    {
        get
        {
            lock (_settings)
            {
                if (_settings.Count == 0)
                    foreach (var line in Run("start").Split('\n'))
                        if (line.Replace("export ", "").Split('=', 2) is [var name, var value])
                            _settings[name.Trim()] = value.Trim().Trim(';').Trim('\'', '"');
                return new S3Options(_settings["S3_BUCKET"], "", _settings["AWS_ENDPOINT_URL"], _settings["AWS_REGION"], _settings["AWS_ACCESS_KEY_ID"], _settings["AWS_SECRET_ACCESS_KEY"]);
            }
        }
    }

    string Run(string command)
    {
        using var process = Process.Start(new ProcessStartInfo(SharedData.Path("tools", "s3-server"), [command, _folder]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            SharedData.Missing($"no S3 store: {errors.Result}");
        return output;
    }

    public void Dispose()
    {
        if (_settings.Count > 0)
        {
            Run("stop");
            Directory.Delete(_folder, recursive: true);
        }
    }
}
