using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Since when data is unreachable, by which the collector decides.</summary>
[Migration(5, "maintenance")]
public sealed class M0005_Maintenance : Migration
{
    const int GitIdBytes = 20;

    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("unreached_git_objects")                                 // no ref leads there
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(System.Data.Rule.Cascade)
            .WithColumn("oid").AsBinary(GitIdBytes).PrimaryKey()
            .WithColumn("since").AsInt64();

        Create.Table("unreached_contents")                                    // no repository has it
            .WithColumn("content_id").AsInt64().PrimaryKey().ForeignKey("contents", "id").OnDelete(System.Data.Rule.Cascade)
            .WithColumn("since").AsInt64();
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
