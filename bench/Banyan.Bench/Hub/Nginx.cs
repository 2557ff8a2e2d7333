using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Banyan.Bench.Hub;

/// <summary>nginx, serving files of a folder with bench/peers/nginx/nginx.conf.</summary>
sealed class Nginx : IDisposable
{
    readonly Process _process;
    readonly string _work;

    /// <summary>What it costs, its workers together.</summary>
    public Measured Server { get; }

    public Uri Address { get; }

    Nginx(Process process, string work, int port)
    {
        (_process, _work, Server, Address) = (process, work, new Measured(process), new Uri($"http://127.0.0.1:{port}/"));
        AppDomain.CurrentDomain.ProcessExit += End;
    }

    /// <returns>Null where there is none on this machine.</returns>
    public static Nginx? Start(string folder, int workers)
    {
        var program = new[] { "/usr/sbin/nginx", "/usr/local/sbin/nginx" }.FirstOrDefault(File.Exists);
        if (program is null)
            return null;
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();

        var work = Directory.CreateTempSubdirectory("banyan-nginx-").FullName;
        var template = File.ReadAllText(Path.Combine(Repository(), "bench", "peers", "nginx", "nginx.conf"));
        var configuration = Path.Combine(work, "nginx.conf");
        File.WriteAllText(configuration, template.Replace("@PORT@", $"{port}").Replace("@ROOT@", folder).Replace("@WORK@", work)
            .Replace("@WORKERS@", $"{workers}"));
        var process = Process.Start(new ProcessStartInfo(program, ["-p", work, "-c", configuration]) { RedirectStandardInput = true })!;
        var nginx = new Nginx(process, work, port);
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var probe = new TcpClient();
                probe.Connect(IPAddress.Loopback, port);
                return nginx;
            }
            catch (SocketException) when (attempt < 100 && !process.HasExited)
            {
                Thread.Sleep(50);
            }
            catch
            {
                nginx.Dispose();
                throw;
            }
        }
    }

    /// <summary>Ends it with its workers, which outlive a master that is killed alone, and hold what the bench writes to.</summary>
    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= End;
        End(null, EventArgs.Empty);
        _process.WaitForExit();
        Server.Dispose();
        Directory.Delete(_work, recursive: true);
    }

    void End(object? sender, EventArgs e)
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
    }

    static string Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Banyan.slnx")))
                return folder.FullName;
        throw new InvalidOperationException("Run the bench from the repository.");
    }
}
