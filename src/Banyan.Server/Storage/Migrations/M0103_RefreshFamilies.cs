using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Which refresh tokens come of one grant, however many there were: one that comes again is known at any time.</summary>
[Migration(103, "refresh families")]
public sealed class M0103_RefreshFamilies : Migration
{
    const int HashBytes = 32;

    /// <inheritdoc/>
    public override void Up() =>
        // SHA-256 of what all of them begin with; null for those from before
        Alter.Table("oauth_grants").AddColumn("family_hash").AsBinary(HashBytes).Nullable().Indexed();

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
