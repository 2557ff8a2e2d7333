using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Models by how many numbers they have.</summary>
[Migration(22, "lists by size")]
public sealed class M0022_ListingSizes : Migration
{
    /// <inheritdoc/>
    public override void Up() => Create.Index("listings_by_size").OnTable("listings").OnColumn("type").Ascending()
        .OnColumn("parameters").Ascending();

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
