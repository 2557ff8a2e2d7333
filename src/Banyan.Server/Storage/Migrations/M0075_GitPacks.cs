using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Packs are kept, to be sent again.</summary>
[Migration(75, "git packs")]
public sealed class M0075_GitPacks : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        // Copies of what git_objects has, which may go at any time; dumps leave them out. See KeptPacks.
        Create.Table("git_packs")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("repo_id").AsInt64().ForeignKey("repos", "id").OnDelete(System.Data.Rule.Cascade).Indexed()
            .WithColumn("place").AsInt64().Nullable()                         // 1, 2, …; null while it is written, and when it is to go
            .WithColumn("tips").AsBinary(int.MaxValue)                        // ids of the commits and tags whose history ends here
            .WithColumn("objects").AsInt64()
            .WithColumn("changed_at").AsInt64();
        Create.Table("git_pack_parts")
            .WithColumn("pack_id").AsInt64().PrimaryKey().ForeignKey("git_packs", "id").OnDelete(System.Data.Rule.Cascade)
            .WithColumn("number").AsInt64().PrimaryKey()
            .WithColumn("content").AsBinary(int.MaxValue);                    // its entries, without header and checksum
        Create.Table("git_pack_ids")
            .WithColumn("pack_id").AsInt64().PrimaryKey().ForeignKey("git_packs", "id").OnDelete(System.Data.Rule.Cascade)
            .WithColumn("first").AsBinary(20).PrimaryKey()
            .WithColumn("ids").AsBinary(int.MaxValue);                        // of its objects, in their order

        // The graph of a repository is read without its files.
        Execute.Sql("CREATE INDEX git_commits ON git_objects (repo_id) WHERE kind = 'commit'");
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
