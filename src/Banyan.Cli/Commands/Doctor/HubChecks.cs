using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Banyan.Cli.Commands.Hub;
using Banyan.Server.Hub;
using Banyan.Server.Maintenance.Checking;
using Banyan.Server.Quotas;

namespace Banyan.Cli.Commands.Doctor;

/// <summary>Checks of a hub, made from outside its process.</summary>
static class HubChecks
{
    static readonly TimeSpan s_renewal = TimeSpan.FromDays(14), s_patience = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether its database opens and has this program's schema, the free and reserved disk space, and whether a sample of its content
    /// matches its hashes.
    /// </summary>
    public static async IAsyncEnumerable<Finding> RunAsync(HubChoice choice, System.CommandLine.ParseResult arguments,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var place = HubPlace.Open(choice, arguments);
        yield return new("database", Health.Good,
            place.Options.DatabaseFile is { } file ? $"{file}, {Sizes.Bytes(new FileInfo(file).Length)}" : "PostgreSQL answers");

        var limits = new StorageLimits(place.Database, place.Options, TimeProvider.System);
        var floor = await limits.FloorAsync(cancellationToken);
        var free = new DriveInfo(place.Options.DataFolder).AvailableFreeSpace;
        yield return free < floor ? new("disk floor", Health.Bad, $"{Sizes.Bytes(free)} free, {Sizes.Bytes(floor)} must stay free",
            "uploads are refused: make room, collect (banyan hub gc), or lower the floor (banyan hub quota floor)")
            : free < 2 * floor ? new("disk floor", Health.Warning, $"{Sizes.Bytes(free)} free, {Sizes.Bytes(floor)} must stay free",
                "uploads will be refused soon")
            : new("disk floor", Health.Good, $"{Sizes.Bytes(free)} free, {Sizes.Bytes(floor)} must stay free");

        var report = await new HubCheck(place.Database, place.Objects, TimeProvider.System).RunAsync(new CheckOptions { Sample = 0.01 },
            null, cancellationToken);
        yield return report.Clean ? new("a sample of 1 %", Health.Good, "every byte is what it was")
            : new("a sample of 1 %", Health.Bad, "something is damaged", "banyan fsck says what, and what to do");

        if (place.Options.PublicUrl is { } url && Uri.TryCreate(url, UriKind.Absolute, out var address)
            && address.Scheme == Uri.UriSchemeHttps)
            yield return await CertificateAsync(address, cancellationToken);
    }

    static async Task<Finding> CertificateAsync(Uri address, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(address.Host, address.Port, patience.Token);
            var errors = SslPolicyErrors.None;
            await using var stream = new SslStream(client.GetStream(), leaveInnerStreamOpen: false,
                (_, _, _, found) => { errors = found; return true; });
            await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = address.Host }, patience.Token);
            using var certificate = new X509Certificate2(stream.RemoteCertificate!);
            var until = $"valid until {certificate.NotAfter.ToUniversalTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}";
            return errors != SslPolicyErrors.None
                ? new("certificate", Health.Bad, $"{address.Host}: {errors}, {until}",
                    "clients refuse to connect: renew it, or have them trust who signed it")
                : certificate.NotAfter - DateTime.Now < s_renewal ? new("certificate", Health.Warning, until, "renew it")
                : new("certificate", Health.Good, until);
        }
        catch (Exception e) when (e is SocketException or IOException or System.Security.Authentication.AuthenticationException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return new("certificate", Health.Bad, $"{address.Authority} cannot be reached with TLS",
                "see that the proxy in front runs, and that public-url is right");
        }
    }
}
