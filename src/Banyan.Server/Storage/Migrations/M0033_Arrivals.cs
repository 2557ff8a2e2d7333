using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Large files that some node is putting together from their parts: commits wait for them, on whatever node.</summary>
[Migration(33, "arriving files")]
public sealed class M0033_Arrivals : Migration
{
    const int HashBytes = 32;

    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("arrivals")
            .WithColumn("id").AsString(32).PrimaryKey()
            .WithColumn("repo_id").AsInt64().ForeignKey("repos", "id").OnDelete(Rule.Cascade).Indexed()
            .WithColumn("sha256").AsBinary(HashBytes)
            .WithColumn("until").AsInt64();                                   // the node says again and again that it is still at it
        Delete.Table("uploads");                                              // parts are objects of the store; nothing ever wrote here
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
