using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Banyan.Bench.Hub;

/// <summary>nginx, serving files of a folder with bench/peers/nginx/nginx.conf.</summary>
static class Nginx
{
    public static (Measured Server, Uri Address)? Start(string folder)
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
        File.WriteAllText(configuration, template.Replace("@PORT@", $"{port}").Replace("@ROOT@", folder).Replace("@WORK@", work));
        var process = Process.Start(new ProcessStartInfo(program, ["-p", work, "-c", configuration]) { RedirectStandardInput = true })!;
        var address = new Uri($"http://127.0.0.1:{port}/");
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var probe = new TcpClient();
                probe.Connect(IPAddress.Loopback, port);
                return (new Measured(process), address);
            }
            catch (SocketException) when (attempt < 100)
            {
                Thread.Sleep(50);
            }
        }
    }

    static string Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Banyan.slnx")))
                return folder.FullName;
        throw new InvalidOperationException("Run the bench from the repository.");
    }
}
