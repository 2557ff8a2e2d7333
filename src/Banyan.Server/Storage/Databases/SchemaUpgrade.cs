namespace Banyan.Server.Storage.Databases;

/// <summary>
/// Brings the schema of a hub's database up to date, with a copy of the database made first; one that a newer program made is left alone.
/// </summary>
static class SchemaUpgrade
{
    /// <summary>Where copies lie, below the data folder.</summary>
    public const string Folder = "before-upgrade";

    /// <summary>Upgrades.</summary>
    /// <param name="database">The database.</param>
    /// <param name="dataFolder">Where the copy goes.</param>
    /// <param name="say">Receives messages.</param>
    /// <exception cref="SchemaException">It was written by a newer version, or cannot be copied; nothing was changed.</exception>
    public static void Run(HubDatabase database, string dataFolder, Action<string> say)
    {
        var (version, applied) = database.Schema();
        if (applied == HubDatabase.Migrations && version == HubDatabase.NewestVersion)
            return;
        using var turn = database.TakeTurnToUpgrade();
        (version, applied) = database.Schema();
        if (version > HubDatabase.NewestVersion)
            throw new SchemaException(
                $"the hub's database was made by a newer Banyan (schema {version}, this one knows {HubDatabase.NewestVersion}): use that one, or restore a backup of before the upgrade");
        if (applied == HubDatabase.Migrations)
            return;
        if (version > 0 && Environment.GetEnvironmentVariable("BANYAN_UPGRADE_WITHOUT_COPY") != "1")
        {
            var copy = Copy(database, Path.Combine(dataFolder, Folder), version);
            say($"The database is brought from schema {version} to {HubDatabase.NewestVersion}; as it was it lies in {copy}");
        }
        database.Migrate();
    }

    static string Copy(HubDatabase database, string folder, long version)
    {
        try
        {
            Private.CreateFolder(folder);
            var copy = database.Copy(Path.Combine(folder, $"schema-{version}"));
            foreach (var older in Directory.EnumerateFiles(folder).Where(f => f != copy))
                File.Delete(older);
            return copy;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SchemaException(
                $"the database has to be brought up to date, and no copy of it can be made first in {folder}: {SystemProblem.Of(e)}");
        }
    }
}

/// <summary>A database's schema cannot be used; the message says why and what to do.</summary>
public sealed class SchemaException(string message) : Exception(message);
