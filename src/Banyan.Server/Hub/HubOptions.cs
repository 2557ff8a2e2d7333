using Banyan.Server.Shipped;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Hub;

/// <summary>Where the hub keeps what it keeps.</summary>
public sealed record HubOptions
{
    /// <summary>The folder of everything that is on this machine.</summary>
    public required string DataFolder { get; init; }

    /// <summary>A PostgreSQL connection string (<c>Host=…</c>), or the path of a SQLite file; null for <c>hub.db</c> in the data folder.</summary>
    public string? Database { get; init; }

    /// <summary>The S3 bucket of large files, or null to keep them in the data folder.</summary>
    public S3Options? S3 { get; init; }

    /// <summary>Whether BF16 weights that come from now on lie in some 71 % of their bytes in the data folder; reading them takes longer.</summary>
    public bool PacksWeights { get; init; }

    /// <summary>Address under which clients reach the hub, where it is not the one they called (behind a proxy that rewrites Host).</summary>
    public string? PublicUrl { get; init; }

    /// <summary>Whether webhooks may also go to this machine and its networks.</summary>
    public bool AllowPrivateWebhooks { get; init; }

    /// <summary>The folder of <c>banyan tune</c>'s runs that administrators see at <c>/tune</c>, or null to show none.</summary>
    public string? TuneFolder { get; init; }

    /// <summary>By whom people sign in, beside the hub itself.</summary>
    public IReadOnlyList<SignIn.OpenId.OpenIdProvider> Providers { get; init; } = [];

    /// <summary>How long a stored object is kept after somebody was told that it is there.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Models that a new hub holds from the beginning.</summary>
    public IReadOnlyList<ShippedRepo> Shipped { get; init; } = [];

    /// <summary>Bytes that are free on the data folder's disk; null to ask the system.</summary>
    internal Func<long>? FreeSpace { get; init; }

    /// <summary>Bytes of the data folder's disk; null to ask the system.</summary>
    internal long? DiskSize { get; init; }

    /// <summary>How many git objects are a pack that is kept.</summary>
    internal int LeastPacked { get; init; } = 1000;

    /// <summary>What time it is for the hub.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The file of a SQLite database; null if it is PostgreSQL.</summary>
    public string? DatabaseFile => HubDatabase.IsPostgres(Database ?? "") ? null : Database ?? Path.Combine(DataFolder, "hub.db");

    /// <summary>Opens the database and brings its schema up to date; before that changes, the database is copied into the data folder.</summary>
    /// <param name="say">Is told where the copy is.</param>
    /// <exception cref="SchemaException">A newer program made it, or no copy can be made.</exception>
    public HubDatabase OpenDatabase(Action<string>? say = null)
    {
        var database = HubDatabase.Open(Database ?? Path.Combine(DataFolder, "hub.db"));
        SchemaUpgrade.Run(database, DataFolder, say ?? (_ => { }));
        return database;
    }

    /// <summary>Opens the store of large files.</summary>
    public IObjectStore OpenObjects() => S3 is { } s3 ? new S3ObjectStore(s3.SpoolFolder is null && Directory.Exists(SpoolFolder) ? s3 with { SpoolFolder = SpoolFolder } : s3) : new DiskObjectStore(DataFolder, PacksWeights);

    /// <summary>Where uploads are spooled.</summary>
    internal string SpoolFolder => Path.Combine(DataFolder, "spool");
}
