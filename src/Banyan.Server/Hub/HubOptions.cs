using Banyan.Server.Mail;
using Banyan.Server.Shipped;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Hub;

/// <summary>Where the hub keeps its data, and its settings.</summary>
public sealed record HubOptions
{
    /// <summary>The folder of all data on this machine.</summary>
    public required string DataFolder { get; init; }

    /// <summary>
    /// A PostgreSQL connection string (<c>Host=…</c>), or the path of a SQLite file; null for <c>hub.db</c> in the data folder.
    /// </summary>
    public string? Database { get; init; }

    /// <summary>The S3 bucket of large files, or null to keep them in the data folder.</summary>
    public S3Options? S3 { get; init; }

    /// <summary>
    /// Whether new BF16 weights are stored packed in the data folder, in about 71 % of their bytes; reading them takes longer.
    /// </summary>
    public bool PacksWeights { get; init; }

    /// <summary>The address by which clients reach the hub, if it is not the one they called (behind a proxy that rewrites Host).</summary>
    public string? PublicUrl { get; init; }

    /// <summary>Whether webhooks may call this machine and private networks.</summary>
    public bool AllowPrivateWebhooks { get; init; }

    /// <summary>The folder of <c>banyan tune</c> runs shown to administrators at <c>/tune</c>; null for none.</summary>
    public string? TuneFolder { get; init; }

    /// <summary>Sign-in providers besides the hub's own accounts.</summary>
    public IReadOnlyList<SignIn.OpenId.OpenIdProvider> Providers { get; init; } = [];

    /// <summary>
    /// The server that takes the hub's mail; null for a hub that sends none. Mail contains links: it takes <see cref="PublicUrl"/>.
    /// </summary>
    public MailOptions? Mail { get; init; }

    /// <summary>How long a stored object is kept after a client learned that it exists.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Models published in a new hub.</summary>
    public IReadOnlyList<ShippedRepo> Shipped { get; init; } = [];

    /// <summary>Free bytes of the data folder's disk; null to ask the system.</summary>
    internal Func<long>? FreeSpace { get; init; }

    /// <summary>Bytes of the data folder's disk; null to ask the system.</summary>
    internal long? DiskSize { get; init; }

    /// <summary>The minimum number of git objects to keep as a pack.</summary>
    internal int LeastPacked { get; init; } = 1000;

    /// <summary>The hub's clock.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The file of a SQLite database; null for PostgreSQL.</summary>
    public string? DatabaseFile => HubDatabase.IsPostgres(Database ?? "") ? null : Database ?? Path.Combine(DataFolder, "hub.db");

    /// <summary>Opens the database and migrates its schema, after copying the database into the data folder.</summary>
    /// <param name="say">Receives the path of the copy.</param>
    /// <exception cref="SchemaException">It was written by a newer version, or cannot be copied.</exception>
    public HubDatabase OpenDatabase(Action<string>? say = null)
    {
        var database = HubDatabase.Open(Database ?? Path.Combine(DataFolder, "hub.db"));
        SchemaUpgrade.Run(database, DataFolder, say ?? (_ => { }));
        return database;
    }

    /// <summary>Opens the store of large files.</summary>
    public IObjectStore OpenObjects() => S3 is { } s3
        ? new S3ObjectStore(s3.SpoolFolder is null && Directory.Exists(SpoolFolder) ? s3 with { SpoolFolder = SpoolFolder } : s3)
        : new DiskObjectStore(DataFolder, PacksWeights);

    /// <summary>The folder where uploads are spooled.</summary>
    internal string SpoolFolder => Path.Combine(DataFolder, "spool");
}
